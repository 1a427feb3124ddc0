"""PPO for one seat of a game: sb3-contrib's MaskablePPO against a pool of opponents.

The pool holds the current policy, snapshots of it, the game's baseline and `random`. Snapshots spread over all of
training make a best response to the pool a step of fictitious play. Left out on purpose: recurrence (the games' vectors
hold the history), league play, and learning from the other seats' turns.

`main(config)` writes into config.out: checkpoints (full state, see checkpoint.py), curve.csv (a row an update), tb/
(TensorBoard), and policy.safetensors + policy.json, which `ppo:OUT/policy.safetensors` seats.
"""

from __future__ import annotations

import csv
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from arena import commands
from arena.errors import InputError, MissingExtraError, UnplayableError, nearest
from arena.game import Game
from arena.options import Option
from arena.plugins import game_class

CURVE = ("update", "steps", "entropy", "value_loss", "approx_kl", "clip_fraction", "explained_variance")


@dataclass(frozen=True, kw_only=True)
class PpoConfig:
    """Everything that decides the weights. Steps are decisions of the learner."""

    game: str
    out: str
    steps: int = 200_000
    seed: int = 0
    resume: bool = False
    seats: tuple[int, ...] = (2,)  # table i has seats[i % len(seats)] seats
    game_options: Mapping[str, Any] = field(default_factory=dict)
    progress: bool = True
    trained_by: str = "arena train ppo"
    tables: int = 64
    rollout: int = 64  # decisions a table between two updates
    batch: int = 1024
    epochs: int = 4
    rate: float = 5e-4
    rate_final: float = 1e-4  # reached linearly at `steps`
    clip: float = 0.2
    gamma: float = 1.0
    gae_lambda: float = 0.95
    entropy: float = 0.02
    entropy_final: float = 0.005
    value: float = 0.5
    grad_norm: float = 0.5
    reward_scale: float = 1.0
    hidden: int = 128
    layers: int = 2
    pool_self: float = 0.5
    pool_past: float = 0.3
    pool_scripted: float = 0.1
    pool_random: float = 0.1
    pool_size: int = 20
    snapshot_every: int = 20  # updates
    checkpoint_every: int = 20  # updates
    keep: int = 2  # checkpoints


MOST = 1e9  # of any setting that has no bound of its own
_FIXED = {"game", "out", "steps", "seed", "resume", "seats", "game_options", "progress", "trained_by"}
_MOST = {"tables": 10_000, "rollout": 1_000_000, "layers": 20, "hidden": 10_000, "gamma": 1, "gae_lambda": 1}
_TYPES: dict[type, Any] = {float: "float", int: "int", str: "str"}


def options_of(
    config: type, fixed: Container[str], most: Mapping[str, float], least: Mapping[str, int]
) -> dict[str, Option]:
    """The settings of a config that --option takes, with their bounds: whole numbers are 1 or more unless said."""
    out = {}
    for item in fields(config):
        if item.name not in fixed:
            kind, default = type(item.default), item.default
            low = None if kind is str else least.get(item.name, 1 if kind is int else 0)
            high = None if kind is str else most.get(item.name, MOST)
            out[item.name] = Option(_TYPES[kind], default, f"see {config.__name__}", low, high)  # type: ignore[arg-type]
    return out


OPTIONS = options_of(PpoConfig, _FIXED, _MOST, {"layers": 0})


def check_options(given: Mapping[str, str]) -> dict[str, Any]:
    """Values of `--option k=v` by their declared types; InputError names the nearest option or what was expected."""
    for name in given:
        if name not in OPTIONS:
            raise InputError(f"ppo training has no option {name!r}. {nearest(name, OPTIONS)}")
    try:
        return {name: OPTIONS[name].check(name, value) for name, value in given.items()}
    except ValueError as error:
        raise InputError(str(error)) from error


def main(config: PpoConfig, game: type[Game] | None = None, updates: int | None = None) -> Path:
    """Train, and return the path of the policy. `game` may be given by class where it is not installed.

    updates: stop after so many updates of this call, as an interruption would, with a checkpoint.
    Raises InputError, UnplayableError, CheckpointError, MissingExtraError.
    """
    game = game or game_class(config.game)
    if game.spec.vector_shape is None:
        raise UnplayableError(f"{config.game} has no vector view, which PPO learns from")
    try:
        from arena.train.ppo_loop import train
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "arena":
            raise
        raise MissingExtraError(
            f"training needs {error.name}, not installed here. {commands.how_to_install('train')}"
        ) from error
    return train(config, game, updates)


def make_tables(config: PpoConfig, game: type[Game]) -> list[Game]:
    """The games of all tables; InputError for seats or options that the game refuses."""
    try:
        return [game(config.seats[i % len(config.seats)], config.game_options) for i in range(config.tables)]
    except ValueError as error:
        raise InputError(str(error)) from error


def settings(config: Any) -> dict[str, Any]:
    """The part of a config that a resumed run must share: all that decides the weights but `steps`."""
    free = {"out", "steps", "resume", "progress", "trained_by", "keep", "checkpoint_every"}
    return {name: value for name, value in asdict(config).items() if name not in free}


def write_curve(path: Path, row: Mapping[str, Any], kinds: tuple[str, ...]) -> None:
    """Append a row to curve.csv, whose columns are CURVE and one mean return a kind of opponent."""
    columns = [*CURVE, *kinds]
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns)
        if new:
            writer.writeheader()
        writer.writerow({name: row.get(name, "") for name in columns})


def cut_curve(path: Path, update: int) -> None:
    """Drop the rows after `update`: a resumed run writes them again."""
    if path.exists():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:1] + [line for line in lines[1:] if int(line.split(",")[0]) <= update]))
