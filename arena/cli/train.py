"""`arena train`: one subcommand a trainer."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from arena.cli.as_begun import Begun, goes_on
from arena.cli.extra_train import extra_train
from arena.cli.lazy import Group
from arena.cli.options import option
from arena.cli.set_option import set_option
from arena.cli.train_sft import sft
from arena.cli.train_vlm import vlm
from arena.cli.whole import Whole
from arena.errors import InputError, WorkerError
from arena.record.training import HEAD, read_training, set_aside
from arena.train.folders import alone, check_free, check_resumed


@click.group(cls=Group)
def train() -> None:
    """Train an agent on the arena's games."""


def _begun(out: Path) -> Begun:
    found = read_training(out)
    return Begun("", "") if found is None else Begun(found.head.trained_by, found.head.folder)


@train.command(cls=goes_on(_begun, ("config_file", "game")))
@click.argument("config_file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--game", help="Game to learn, with its options, e.g. leduc or holdem@hands=1.")
@option("--steps", type=Whole(1), show_default="200000; with pictures 500000", help="Decisions of the learner.")
@option("--seed", type=Whole(0), show_default="0", help="Of weights, deals and opponents.")
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder of the run.")
@option("--seats", show_default="the fewest the game takes", help="Of the matches; 2,3 trains on both in turn.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out; alone, as it was begun.")
@set_option("entropy=0.05")
@click.option("--matches", "-n", default=100, show_default=True, type=Whole(0), help="Matches of the evaluation.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def ppo(
    config_file: Path | None,
    game: str | None,
    steps: int | None,
    seed: int | None,
    out: str,
    seats: str | None,
    resume: bool,
    settings: tuple[str, ...],
    matches: int,
    quiet: bool,
) -> None:
    """Train a PPO policy against itself, its past, `scripted` and `random`; alone where the game takes one player.

    CONFIG_FILE is TOML, or a Python file that declares one PpoSettings; --set changes any of its settings, which
    docs/train.md names: envs=64, pool_past=0.5, hosts=4. What --game, --steps, --seed and --seats say counts before
    both. OUT gets checkpoints, curve.csv, tb/ (TensorBoard) and policy.safetensors, which `ppo:OUT` seats. Then the
    policy is evaluated by --matches against `scripted`, or `random` where the game has no baseline: OUT is a run that
    `arena show`, `arena verify` and `arena replay` take.
    """
    from arena import commands, names
    from arena.plugins import game_class
    from arena.train.config import PpoConfig, load

    folder = Path(out)
    check_free(folder)
    if resume:
        check_resumed(folder, "--resume", HEAD, "arena train ppo")
    elif os.path.isfile(folder / HEAD):  # False, too, for what is no name of a folder
        raise InputError(f"{out} holds a training already: add --resume, or choose another --out")
    flags = {"game": game, "steps": steps, "seed": seed, "seats": list(_seats(seats)) or None}
    found = load(config_file, [*settings, *(f"{key}={value}" for key, value in flags.items() if value is not None)])
    game, steps, seed, name = found.game, found.steps, found.seed, names.parse(found.game)
    spec = game_class(name.base).spec
    words = [*([config_file] if config_file else []), "--game", game, "--steps", steps, "--seed", seed]
    words += ["--seats", seats] if seats else []
    words += [*(word for setting in settings for word in ("--set", setting)), "--matches", matches]
    config = PpoConfig(
        **{**asdict(found), "game": name.base},
        game_options=dict(name.options),
        out=out,
        resume=resume,
        progress=not quiet,
        trained_by=shlex.join(["arena", "train", "ppo", *map(str, words)]),
    )
    with extra_train():
        from arena.train.ppo import run
    try:
        with alone(folder):  # until its matches are played: who trains further moves them out of the way
            before = read_training(folder) if resume else None
            if before is not None and before.steps < steps:
                set_aside(folder, before.steps)
            path = run(config)
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
