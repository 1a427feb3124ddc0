"""`arena train`: one subcommand a trainer."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from arena.cli.extra_train import extra_train
from arena.cli.lazy import Group
from arena.cli.pairs import pairs
from arena.cli.train_sft import sft
from arena.cli.train_vlm import vlm
from arena.cli.whole import Whole
from arena.errors import WorkerError
from arena.record.training import HEAD, read_training, set_aside
from arena.train.folders import check_resumed


@click.group(cls=Group)
def train() -> None:
    """Train an agent on the arena's games."""


@train.command()
@click.option("--game", required=True, help="Game to learn, with its options, e.g. leduc or holdem@hands=1.")
@click.option("--steps", default=200_000, show_default=True, type=Whole(1), help="Decisions of the learner.")
@click.option("--seed", default=0, show_default=True, type=Whole(0), help="Of weights, deals and opponents.")
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder of the run.")
@click.option("--seats", help="Seats of the matches; 2,3 trains on both in turn. Default: the fewest the game takes.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out, exactly.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the trainer; may be repeated.",
)
@click.option("--matches", "-n", default=100, show_default=True, type=Whole(0), help="Matches of the evaluation.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def ppo(
    game: str,
    steps: int,
    seed: int,
    out: str,
    seats: str | None,
    resume: bool,
    options: tuple[str, ...],
    matches: int,
    quiet: bool,
) -> None:
    """Train a PPO policy against itself, its past, `scripted` and `random`; alone where the game takes one player.

    OUT gets checkpoints, curve.csv, tb/ (TensorBoard) and policy.safetensors, which `ppo:OUT` seats. Settings of
    --option are the fields of PpoConfig (docs/train.md), e.g. envs=64, entropy=0.05, pool_past=0.5, hosts=4. Then the
    policy is evaluated by --matches against `scripted`, or `random` where the game has no baseline: OUT is a run that
    `arena show`, `arena verify` and `arena replay` take.
    """
    from arena import commands, names
    from arena.plugins import game_class
    from arena.train.config import check_options, config_for

    name = names.parse(game)
    spec = game_class(name.base).spec
    words = ["--game", game, "--steps", steps, "--seed", seed, *(["--seats", seats] if seats else [])]
    words += [word for option in options for word in ("--option", option)]
    config = config_for(
        spec,
        game=name.base,
        game_options=dict(name.options),
        out=out,
        steps=steps,
        seed=seed,
        seats=_seats(seats),
        resume=resume,
        progress=not quiet,
        trained_by=shlex.join(["arena", "train", "ppo", *map(str, words)]),
        **check_options(pairs(options)),
    )
    folder = Path(out)
    if resume:
        check_resumed(folder, "--resume", HEAD, "arena train ppo")
    with extra_train():
        from arena.train.ppo import main
    try:
        before = read_training(folder) if resume else None
        if before is not None and before.steps < steps:
            set_aside(folder, before.steps)
        path = main(config)
        if matches:
            seat = (config.seats or spec.seats)[0]
            other = "random" if spec.baseline is None else "scripted"
            # Who plays alone shares nothing with the other but the start: each in a lane of its own.
            others = seat - 1 if seat > 1 else min(1, spec.seats[1] - 1)
            _evaluate(game, [f"ppo:{out}", *[other] * others], matches, seed, folder, quiet)
    except (KeyboardInterrupt, WorkerError):
        click.echo(_stopped(folder), err=True)
        raise
    again = commands.arena("play", "--game", game, "--operators", f"ppo:{out},random")
    click.echo(f"{path}\nseat it with: {again}")


def _evaluate(game: str, operators: Sequence[str], matches: int, seed: int, folder: Path, quiet: bool) -> None:
    """Play the matches of the evaluation into the training's folder, and show its table."""
    from rich.console import Console

    from arena.cli.live import LiveTable
    from arena.cli.runs import check_resolved, print_tables
    from arena.lineup import build_plan
    from arena.play import run_plan
    from arena.record.reader import Run

    plan = build_plan(game, operators, seed=seed, matches=matches)
    with LiveTable(plan, Console(stderr=True), show=not quiet) as live:
        resumed = (folder / "run.json").is_file()
        tables = run_plan(plan, folder, concurrency=16, observer=live, on_status=live.status, resume=resumed)
    print_tables(Run(folder), tables, Console())
    check_resolved(Run(folder), tables)


def _stopped(folder: Path) -> str:
    """The message for a stopped run: how far it came, and how to resume it."""
    training = read_training(folder)
    if training is None:
        return "stopped before it learned anything"
    done = f"{training.steps:,} of {training.head.steps:,}" if not training.complete else f"all {training.steps:,}"
    return f"stopped after {done} decisions\ngo on with: {training.again}"


def _seats(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise click.BadParameter(f"--seats {text}: expected numbers with commas between, e.g. 2 or 2,3") from None


train.add_command(sft)
train.add_command(vlm)
