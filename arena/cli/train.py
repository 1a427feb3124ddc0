"""`arena train`: one subcommand a trainer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from arena.cli.lazy import Group
from arena.cli.whole import Whole
from arena.errors import MissingExtraError, WorkerError


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
@click.option("--quiet", is_flag=True, help="No progress bar.")
def ppo(
    game: str, steps: int, seed: int, out: str, seats: str | None, resume: bool, options: tuple[str, ...], quiet: bool
) -> None:
    """Train a PPO policy against itself, its past, `scripted` and `random`; alone where the game takes one player.

    OUT gets checkpoints, curve.csv, tb/ (TensorBoard) and policy.safetensors, which `ppo:OUT` seats. Settings of
    --option are the fields of PpoConfig (docs/train.md), e.g. envs=64, entropy=0.05, pool_past=0.5, hosts=4.
    """
    from arena import commands, names
    from arena.plugins import game_class
    from arena.train.config import check_options, config_for

    name = names.parse(game)
    config = config_for(
        game_class(name.base).spec,
        game=name.base,
        game_options=dict(name.options),
        out=out,
        steps=steps,
        seed=seed,
        seats=_seats(seats),
        resume=resume,
        progress=not quiet,
        **check_options(_pairs(options)),
    )
    try:
        from arena.train.ppo import main
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "arena":
            raise
        raise MissingExtraError(
            f"training needs {error.name}, not installed here. {commands.how_to_install('train')}"
        ) from error
    try:
        path = main(config)
    except (KeyboardInterrupt, WorkerError):
        given = ["--game", game, "--steps", steps, "--seed", seed, *(["--seats", seats] if seats else []), "--out", out]
        given += [word for option in options for word in ("--option", option)]
        click.echo(_stopped(out, steps, commands.arena("train", "ppo", *given, "--resume")), err=True)
        raise
    again = commands.arena("play", "--game", game, "--operators", f"ppo:{out},random")
    click.echo(f"{path}\nseat it with: {again}")


def _stopped(out: str, steps: int, again: str) -> str:
    """What is said of a run that was stopped: how far it came, and how to go on."""
    from arena.train.checkpoint import latest, read_facts

    found = latest(Path(out))
    if found is None:
        return f"stopped before it learned anything; begin anew with: {again.removesuffix(' --resume')}"
    return f"stopped after {read_facts(found)['steps']:,} of {steps:,} decisions: {found}\ngo on with: {again}"


def _pairs(options: Sequence[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"--option {option}: expected KEY=VALUE, e.g. --option entropy=0.05")
        if key in out:
            raise click.BadParameter(f"--option {option}: {key} is given twice, the first time as {out[key]}")
        out[key] = value
    return out


def _seats(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise click.BadParameter(f"--seats {text}: expected numbers with commas between, e.g. 2 or 2,3") from None
