"""The curriculum: how often each level is played.

A level is a game by name (`sidescroller@difficulty=3`, `mario:1-1`); matches.levels_of gives those of a game that has
many. `auto` draws a level with a weight of 1 / mean length of its episodes in the last update in which it was played
(Odysseus): what the model survives for long, it has seen enough of. `uniform` draws evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from arena.errors import InputError

Way = Literal["auto", "uniform"]


class Curriculum:
    """Draws levels by number. `state` and `restore` make it go on bit for bit."""

    def __init__(self, levels: Sequence[str], way: Way = "auto") -> None:
        self.levels = tuple(levels)
        self._way = way
        self._lengths: dict[str, float] = {}  # mean turns of an episode, where it is known

    def weights(self) -> list[float]:
        """The chance of each level. One that was never played counts as the shortest."""
        if self._way == "uniform" or not self._lengths:
            return [1 / len(self.levels)] * len(self.levels)
        shortest = min(self._lengths.values())
        weights = [1 / self._lengths.get(level, shortest) for level in self.levels]
        return [weight / sum(weights) for weight in weights]

    def draw(self, chance: np.random.Generator) -> int:
        """A level by its number."""
        return int(chance.choice(len(self.levels), p=self.weights()))

    def heard(self, lengths: Mapping[int, Sequence[int]]) -> None:
        """The lengths, in turns, of the episodes of an update, by level."""
        for level, turns in sorted(lengths.items()):
            if turns:
                self._lengths[self.levels[level]] = max(1.0, float(np.mean(turns)))

    def state(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {"lengths": dict(self._lengths)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`. InputError when it is of other levels."""
        if unknown := [level for level in state["lengths"] if level not in self.levels]:
            raise InputError(
                f"the curriculum knows {unknown[0]!r}, which is none of the levels {list(self.levels)}: go on with "
                "the levels of before"
            )
        self._lengths = dict(state["lengths"])
