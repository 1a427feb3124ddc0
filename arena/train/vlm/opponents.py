"""Who sits in the other seats: the model itself, its own past, and fixed operators of any kind.

    PoolConfig(opponents={"self": 0.5, "past": 0.3, "scripted": 0.1, "ppo": 0.1})

`self` is the current weights; `past` snapshots of them; every other word is the name of an operator, as on the command
line (`vlm:nano` is then the model as it was shipped, whatever is trained). Each block draws its opponents by shares.

Snapshots have Elo ratings (Elo, The Rating of Chessplayers, 1978), from their matches against the current weights. When
there are too many, the lowest goes. Which of them play in an update is drawn evenly, or by how hard they are:
(1 - p)^2, p being the chance to beat it (prioritised fictitious self-play: Vinyals et al. 2019).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from arena import names, plugins
from arena.errors import InputError, PluginNotFoundError, nearest
from arena.train import ranges
from arena.train.ranges import COUNT, LEAST_0

SELF, PAST = "self", "past"
RATING, K, SCALE = 1000.0, 16.0, 400.0
FADES = 0.98  # weight of earlier matches against a snapshot, for each new one


@dataclass(frozen=True, kw_only=True)
class PoolConfig:
    """The opponents of a training."""

    opponents: Mapping[str, float] = field(default_factory=lambda: {SELF: 1.0})  # shares
    every: int = 10  # updates between two snapshots
    kept: int = 8  # snapshots
    slots: int = 1  # different snapshots that play in one update: each takes the memory of a model
    draw: Literal["uniform", "prioritised"] = "uniform"

    def __post_init__(self) -> None:
        # Draws follow the order, which a file or the head of a training may have otherwise.
        object.__setattr__(self, "opponents", dict(sorted(self.opponents.items())))

    def check(self) -> None:
        """InputError for what is no pool."""
        at = "rollout.pool.opponents"
        for name, share in self.opponents.items():
            if not LEAST_0.holds(share):
                raise InputError(f"{at}: the share of {name!r} is {share}: expected {LEAST_0}")
            if name not in (SELF, PAST):
                try:
                    plugins.named_operator(names.parse(name), name)
                except PluginNotFoundError as error:
                    near = nearest(name, (SELF, PAST, *plugins.names("operator")))
                    raise InputError(f"{at}: {name!r} is neither {SELF} nor {PAST} nor an operator. {near}") from error
        if not sum(self.opponents.values()) > 0:
            raise InputError(f"{at}={dict(self.opponents)}: one of them must have a share, e.g. {{'self': 1}}")
        ranges.check("rollout.pool", self, dict.fromkeys(("every", "kept", "slots"), COUNT))

    def check_ahead(self, staleness: int) -> None:
        """InputError where updates that are played ahead would meet a snapshot that is not there yet."""
        if self.past and 0 < self.every <= staleness:
            raise InputError(
                f"rollout.pool.every={self.every}: with staleness={staleness} expected at least {staleness + 1}; or a "
                "lower staleness"
            )

    @property
    def fixed(self) -> tuple[str, ...]:
        """Names of the operators that never change."""
        return tuple(name for name, share in self.opponents.items() if name not in (SELF, PAST) and share > 0)

    @property
    def past(self) -> bool:
        """Whether snapshots are taken."""
        return self.opponents.get(PAST, 0) > 0


class Snapshot(msgspec.Struct, kw_only=True):
    """Weights of an earlier update."""

    update: int
    version: str
    rating: float
    file: str = ""  # its name, where its weights are one file
    wins: float = 0.0  # of the current weights against it, ties as halves; earlier ones fade
    games: float = 0.0

    @property
    def beaten(self) -> float:
        """The chance that the current weights beat it."""
        return (self.wins + 1) / (self.games + 2)


class State(msgspec.Struct, kw_only=True):
    """Of a pool, as JSON."""

    rating: float = RATING  # of the current weights
    snapshots: list[Snapshot] = []  # oldest first


class Pool:
    """Draws opponents. `state` and `restore` make it go on bit for bit."""

    def __init__(self, config: PoolConfig, folder: Path) -> None:
        """`folder`: where the weights of snapshots are kept."""
        config.check()
        self.config = config
        self.folder = folder
        self._state = State()

    @property
    def snapshots(self) -> Sequence[Snapshot]:
        """Oldest first."""
        return self._state.snapshots

    @property
    def rating(self) -> float:
        """Of the current weights."""
        return self._state.rating

    def state(self) -> dict[str, Any]:
        """All of it, as JSON."""
        out: dict[str, Any] = msgspec.to_builtins(self._state)
        return out

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`. InputError when the weights of a snapshot are gone."""
        self._state = msgspec.convert(state, State)
        self.find(self.snapshots)

    def find(self, snapshots: Sequence[Snapshot]) -> None:
        """InputError when the weights of some are gone."""
        gone = [one.update for one in snapshots if not self.weights(one).exists()]
        if gone:
            raise InputError(f"{self.folder} lacks the weights of the snapshots of updates {gone}: restore them")

    def weights(self, snapshot: Snapshot) -> Path:
        """Its weights, a file or folder as they were given."""
        return self.folder / f"{snapshot.update:06d}" / snapshot.file

    def seat(self, chance: np.random.Generator) -> list[Snapshot]:
        """The snapshots that play in an update, one a slot at most, oldest first."""
        if not self.config.past or not self.snapshots:
            return []
        hard = np.array([(1 - one.beaten) ** 2 for one in self.snapshots])
        weights = hard if self.config.draw == "prioritised" else np.ones(len(hard))
        count = min(self.config.slots, len(hard))
        chosen = chance.choice(len(hard), count, replace=False, p=weights / weights.sum())
        return [self.snapshots[at] for at in sorted(chosen.tolist())]

    def kind(self, chance: np.random.Generator) -> str:
        """Who takes a seat: `self`, `past` or the name of a fixed operator. No `past` before there is a snapshot."""
        shares = dict(self.config.opponents)
        if not self.snapshots and PAST in shares:
            shares[SELF] = shares.get(SELF, 0.0) + shares.pop(PAST)
        heights = np.cumsum(list(shares.values()))
        return list(shares)[int(np.searchsorted(heights, chance.random() * heights[-1], side="right"))]

    def heard(self, snapshot: Snapshot, score: float) -> None:
        """The current weights met a snapshot: 1 won, 0.5 a tie, 0 lost."""
        state = self._state
        expected = 1 / (1 + 10 ** ((snapshot.rating - state.rating) / SCALE))
        state.rating += K * (score - expected)
        snapshot.rating -= K * (score - expected)
        snapshot.wins = FADES * snapshot.wins + score
        snapshot.games = FADES * snapshot.games + 1

    def snapshot(self, update: int, version: str, weights: Path) -> None:
        """Keep a copy of these weights (a file or folder) if a snapshot is due at this update.

        The files of one that leaves stay: checkpoints and updates under way may name it (Files.tidy removes them).
        """
        if not self.config.past or update % self.config.every:
            return
        state = self._state
        file = "" if weights.is_dir() else weights.name
        new = Snapshot(update=update, version=version, rating=state.rating, file=file)
        copy(weights, self.folder / f"{update:06d}")
        state.snapshots.append(new)
        while len(state.snapshots) > self.config.kept:
            worst = min(state.snapshots[:-1] or state.snapshots, key=lambda one: (one.rating, one.update))
            state.snapshots.remove(worst)


def copy(weights: Path, to: Path) -> None:
    """As a folder, in place of what is there; whole, or not at all."""
    temporary = to.with_name(f".{to.name}.new")
    for left in (temporary, to):
        shutil.rmtree(left, ignore_errors=True)
    temporary.mkdir(parents=True)
    if weights.is_dir():
        shutil.copytree(weights, temporary, dirs_exist_ok=True)
    else:
        shutil.copy2(weights, temporary / weights.name)
    temporary.rename(to)
