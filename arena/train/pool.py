"""The opponents while PPO learns: the learner itself, its own past, and fixed opponents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from arena.errors import InputError
from arena.export.opponents import Opponent, opponent
from arena.game import Game, Views
from arena.train.nets import Net

KINDS = ("self", "past", "scripted", "random")


class Member(NamedTuple):
    """One opponent of the pool."""

    kind: str  # one of KINDS
    play: Opponent | Net

    @property
    def views(self) -> Views:
        return self.play.views if isinstance(self.play, Opponent) else Views(vector=True)


class Pool:
    """Draws opponents by kind: `shares` gives each kind's weight. A game without a baseline has no `scripted`.

    `current` must be set before the first draw. Snapshots are kept at most `capacity`, spread over all of training:
    a uniform draw from them then plays the average of everything the learner has been, as fictitious play does.
    """

    def __init__(self, game: type[Game], shares: Mapping[str, float], capacity: int) -> None:
        if game.spec.baseline is None:
            shares = {kind: share for kind, share in shares.items() if kind != "scripted"}
        if any(share < 0 for share in shares.values()) or not sum(shares.values()) > 0:
            raise InputError(f"opponents' shares must be 0 or more and not all 0, not {dict(shares)}")
        self.current: Net | None = None
        self.snapshots: list[tuple[int, Net]] = []  # (update it was taken at, network), oldest first
        self.capacity = capacity
        self._shares = [shares.get(kind, 0.0) for kind in KINDS]
        self._heights = np.cumsum(self._shares) / sum(self._shares)
        self._fixed = {kind: opponent(kind, game) for kind in ("random", "scripted") if shares.get(kind, 0) > 0}

    def draw(self, chance: np.random.Generator, count: int) -> list[Member]:
        """Draws opponents for `count` seats. With probability one half, all are of one kind."""
        kinds = [KINDS[int(np.searchsorted(self._heights, u, side="right"))] for u in chance.random(count)]
        if count > 1 and chance.random() < 0.5:
            kinds = [kinds[0]] * count
        return [self._member(kind, chance) for kind in kinds]

    def snapshot(self, update: int, net: Net) -> None:
        """Keep `net`. If there are too many, drop the snapshot whose neighbours are nearest to each other."""
        self.snapshots.append((update, net))
        if len(self.snapshots) > self.capacity:
            times = [0, *(taken for taken, _ in self.snapshots)]
            gaps = [times[i + 2] - times[i] for i in range(len(times) - 2)]  # never the newest
            del self.snapshots[int(np.argmin(gaps))]

    def _member(self, kind: str, chance: np.random.Generator) -> Member:
        if kind in self._fixed:
            return Member(kind, self._fixed[kind])
        if kind == "past" and self.snapshots:
            return Member(kind, self.snapshots[int(chance.integers(len(self.snapshots)))][1])
        assert self.current is not None, "the pool's current policy was not set"
        return Member("self", self.current)
