"""`arena train sft`: a supervised start of a model."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arena.cli.extra_train import extra_train
from arena.cli.pairs import pairs
from arena.cli.whole import Whole
from arena.errors import InputError, WorkerError
from arena.train.folders import check_resumed

if TYPE_CHECKING:
    from arena.train.vlm.sft_config import SftConfig, Source

SMOKE: dict[str, Any] = {"steps": 2, "batch": 4, "every": 1, "warmup": 1}
SMOKE_LESSONS = 40


@click.command()
@click.option("--model", default="vlm", show_default=True, help="The operator to train, as it is named to play.")
@click.option("--run", "runs", multiple=True, metavar="RUN", help="Learn from who played in this run (people too).")
@click.option("--teacher", "teachers", multiple=True, metavar="GAME", help="Learn from lessons of the game's teacher.")
@click.option(
    "--correct", "corrected", multiple=True, metavar="RUN", help="Learn what the teacher would have done in this run."
)
@click.option("--chat", "chats", multiple=True, metavar="DIR", help="Learn from what `arena export --to chat` wrote.")
@click.option("--steps", default=500, show_default=True, type=Whole(1), help="Updates.")
@click.option("--seed", default=0, show_default=True, type=Whole(0), help="Of lessons, and of the order of examples.")
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder of the training.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out, exactly.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="A setting of SftConfig (docs/sft.md).")
@click.option("--dry-run", is_flag=True, help="Count examples and tokens, and train nothing.")
@click.option("--smoke", is_flag=True, help="Two small updates, to see that everything works.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def sft(
    model: str,
    runs: tuple[str, ...],
    teachers: tuple[str, ...],
    corrected: tuple[str, ...],
    chats: tuple[str, ...],
    steps: int,
    seed: int,
    out: str,
    resume: bool,
    options: tuple[str, ...],
    dry_run: bool,
    smoke: bool,
    quiet: bool,
) -> None:
    """Give a vision-language or language model a supervised start.

    It learns to write what others did: operators in recorded runs (--run), a game's teacher (--teacher, or --correct
    where somebody else went), or chats in files (--chat). Each may be given several times and takes @weight=, its share
    of every batch; --run also @operator= and @best=, --teacher @lessons=. OUT/model is the trained model, which
    `vlm:OUT/model` seats; OUT/curve.csv tells how it went.
    """
    from arena.train.config import check_options
    from arena.train.vlm.sft_config import OPTIONS, SftConfig, source

    given = {"run": runs, "teacher": teachers, "correct": corrected, "chat": chats}
    sources = tuple(source(sort, text) for sort, texts in given.items() for text in texts)  # type: ignore[arg-type]
    if not sources:
        raise InputError("nothing to learn from: give --run RUN, --teacher GAME, --correct RUN or --chat DIR")
    words = [
        "--model",
        model,
        *(word for sort, texts in given.items() for text in texts for word in (f"--{sort}", text)),
    ]
    words += ["--steps", str(steps), "--seed", str(seed), *(word for one in options for word in ("--option", one))]
    config = SftConfig(
        model=model,
        out=out,
        sources=sources,
        steps=steps,
        seed=seed,
        resume=resume,
        progress=not quiet,
        trained_by=shlex.join(["arena", "train", "sft", *words, *(["--smoke"] if smoke else [])]),
        **check_options(pairs(options), OPTIONS, "sft"),
    )
    if resume and not _began(Path(out)):
        check_resumed(Path(out), "--resume", "checkpoint-*", "arena train sft")
    with extra_train():
        from arena.train.vlm import sft_ready
    sft_ready.check(config)
    _train(replace(config, **SMOKE, sources=tuple(map(_smaller, sources))) if smoke else config, dry_run)


def _began(out: Path) -> bool:
    """Whether a training left something there: before its first checkpoint, its lessons at most."""
    names = [path.name for path in out.iterdir()] if out.is_dir() else None
    return names is not None and (names in ([], ["lessons"]) or any(name.startswith("checkpoint-") for name in names))


def _smaller(of: Source) -> Source:
    return replace(of, lessons=min(of.lessons, SMOKE_LESSONS), shard=min(of.shard, SMOKE_LESSONS))


def _train(config: SftConfig, dry_run: bool) -> None:
    from arena import commands

    with extra_train():
        from arena.train.vlm import sft
    if dry_run:
        click.echo("\n".join(sft.counted(config)))
        return
    try:
        path = sft.run(config)
    except (KeyboardInterrupt, WorkerError):
        again = commands.arena(*shlex.split(config.trained_by)[1:], "--out", config.out, "--resume")
        found = sft.newest(Path(config.out))
        said = "before its first checkpoint" if found is None else f"after its last checkpoint, {found.name}"
        click.echo(f"stopped {said}\ngo on with: {again}", err=True)
        raise
    kind = config.model.partition(":")[0].partition("@")[0]
    click.echo(f"{path}\nseat it with: {kind}:{path}")
