"""`arena train sft`: a supervised start of a model."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from arena.cli.as_begun import Begun, goes_on
from arena.cli.extra_train import extra_train
from arena.cli.options import option
from arena.cli.set_option import set_option
from arena.cli.whole import Whole
from arena.errors import InputError, WorkerError
from arena.train.folders import check_free, check_resumed
from arena.train.vlm import sft_facts, sft_told
from arena.train.vlm.seated import seated

if TYPE_CHECKING:
    from arena.train.vlm.sft_config import SftConfig, Source

SMOKE: dict[str, Any] = {"steps": 2, "batch": 4, "every": 1, "warmup": 1}
SMOKE_LESSONS = 40


NAMES = ("config_file", "runs", "teachers", "corrected", "chats")  # parameters that say what is learned from


def _begun(out: Path) -> Begun:
    head = sft_facts.read_head(out)
    return Begun("", "") if head is None else Begun(head.trained_by, head.folder)


@click.command(cls=goes_on(_begun, NAMES))
@click.argument("config_file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@option("--model", show_default="vlm:nano", help="The operator to train, as it is named to play.")
@click.option("--run", "runs", multiple=True, metavar="RUN", help="Learn from who played in this run (people too).")
@click.option("--teacher", "teachers", multiple=True, metavar="GAME", help="Learn from lessons of the game's teacher.")
@click.option(
    "--correct", "corrected", multiple=True, metavar="RUN", help="Learn what the teacher would have done in this run."
)
@click.option("--chat", "chats", multiple=True, metavar="DIR", help="Learn from what `arena export --to chat` wrote.")
@option("--steps", type=Whole(1), show_default="500", help="Updates.")
@option("--seed", type=Whole(0), show_default="0", help="Of lessons, and of the order of examples.")
@option("--out", type=click.Path(file_okay=False), required_without="--dry-run", help="Folder of the training.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out; alone, as it was begun.")
@set_option("rate=5e-5")
@click.option("--dry-run", is_flag=True, help="Count examples and tokens, and train nothing; --out keeps the lessons.")
@click.option("--smoke", is_flag=True, help="Two small updates, to see that everything works.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def sft(
    config_file: Path | None,
    model: str | None,
    runs: tuple[str, ...],
    teachers: tuple[str, ...],
    corrected: tuple[str, ...],
    chats: tuple[str, ...],
    steps: int | None,
    seed: int | None,
    out: str | None,
    resume: bool,
    settings: tuple[str, ...],
    dry_run: bool,
    smoke: bool,
    quiet: bool,
) -> None:
    """Give a vision-language or language model a supervised start.

    It learns to write what others did: operators in recorded runs (--run), a game's teacher (--teacher, or --correct
    where somebody else went), or chats in files (--chat). Each may be given several times and takes @weight=, its share
    of every batch; --run also @operator= and @best=, --teacher @lessons=, --correct @operator= and @decides=true.
    CONFIG_FILE is TOML, or a Python file that declares one SftFile; --set changes any of its settings (docs/sft.md).
    What --model, --steps and --seed say counts before both, and sources that are given here stand in place of all that
    the file names.
    OUT/model is the trained model, which `vlm:OUT/model` seats; OUT/curve.csv tells how it went. With --set
    evaluation.every=100 it also plays matches in between, and says at the end at which games it got better or worse.
    """
    from arena.train.vlm.sft_config import SftConfig, SftSettings, Sort, load

    if out is not None:
        check_free(Path(out))
    there = out is not None and sft_facts.has_begun(Path(out))
    if resume and out is not None and not there:
        check_resumed(Path(out), "--resume", sft_facts.HEAD, "arena train sft")
    if there and not resume and not dry_run:
        sft_facts.check_new(Path(str(out)))
    said = click.get_current_context().get_parameter_source("steps") is ParameterSource.COMMANDLINE
    if smoke and resume and said:
        raise InputError(f"--steps: {out} was begun with --smoke, which makes two updates: begin another --out")
    flags = {"model": model, "steps": steps, "seed": seed}
    changes = [*settings, *(f"{key}={value}" for key, value in flags.items() if value is not None)]
    given: dict[Sort, tuple[str, ...]] = {"run": runs, "teacher": teachers, "correct": corrected, "chat": chats}
    if resume and config_file is None and not any(given.values()):
        head = Path(str(out)) / sft_facts.HEAD
        raise InputError(
            f"{head}, which says what is learned from, is missing or damaged: say it again (--teacher, ...)"
        )
    found = load(config_file, changes, given)
    sources = found.sources()
    words = [*([str(config_file)] if config_file else []), "--model", found.model]
    words += [word for sort, texts in given.items() for text in texts for word in (f"--{sort}", text)]
    words += ["--steps", str(found.steps), "--seed", str(found.seed)]
    words += [word for setting in settings for word in ("--set", setting)]
    config = SftConfig(
        **{one.name: getattr(found, one.name) for one in fields(SftSettings)},
        out=out or "",
        sources=sources,
        resume=resume,
        progress=not quiet,
        trained_by=shlex.join(["arena", "train", "sft", *words, *(["--smoke"] if smoke else [])]),
    )
    with extra_train():
        from arena.train.vlm import sft_ready
    sft_ready.check(config)
    _train(_smoke(config, sft_ready.least_matches(config)) if smoke else config, dry_run)


def _smoke(config: SftConfig, matches: int) -> SftConfig:
    played = replace(config.evaluation, every=min(config.evaluation.every, 1), matches=max(2, matches))
    return replace(config, **SMOKE, sources=tuple(map(_smaller, config.sources)), evaluation=played)


def _smaller(of: Source) -> Source:
    return replace(of, lessons=min(of.lessons, SMOKE_LESSONS), shard=min(of.shard, SMOKE_LESSONS))


def _train(config: SftConfig, dry_run: bool) -> None:
    with extra_train():
        from arena.train.vlm import sft
    if dry_run:
        with contextlib.nullcontext(config.out) if config.out else tempfile.TemporaryDirectory() as out:
            click.echo("\n".join(sft.counted(replace(config, out=out))))
        return
    try:
        path = sft.run(config)
    except (KeyboardInterrupt, WorkerError):
        found = sft_facts.newest(Path(config.out))
        said = "before its first checkpoint" if found is None else f"after its last checkpoint, {found.name}"
        click.echo(f"stopped {said}\ngo on with: {sft_facts.again(Path(config.out))}", err=True)
        raise
    for line in sft_told.results(Path(config.out)):
        click.echo(line)
    click.echo(f"{path}\nseat it with: {seated(config.model, str(path))}")
