"""A schedule that ends once it is known well enough who is better than whom."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from arena.evaluate.rounds import Rounds
from arena.evaluate.sequences import Sequence as Interval
from arena.options import Option
from arena.plan import HEAR, BlockIterator, MatchResult, Setting

AT_ONCE = 32  # matches between two looks, at least


class Differences:
    """Always-valid 95% intervals of the differences between operators, a pair at a game, heard block by block."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.intervals: dict[tuple[int, int, int], Interval] = {}  # (game, one, other), one before other in the pool
        self._values: dict[tuple[int, int, int], list[float]] = {}  # of the round that is heard

    def hear(self, results: Sequence[MatchResult]) -> None:
        """The results of a block; matches that are unresolved say nothing."""
        game = results[0].plan.game
        for one, other in itertools.combinations(sorted(results[0].plan.lineup), 2):
            self._of(game, one, other)
            values = [result.of(one) - result.of(other) for result in results if result.returns is not None]
            if values:
                self._values.setdefault((game, one, other), []).append(math.fsum(values) / len(values))

    def end_round(self) -> None:
        """Blocks of one pair in a round have other opponents, so a round is one value."""
        for (game, one, other), values in self._values.items():
            self._of(game, one, other).add(math.fsum(values) / len(values))
        self._values.clear()

    def _of(self, game: int, one: int, other: int) -> Interval:
        known = (game, one, other)
        if known not in self.intervals:
            bounds = self._setting.returns[game] if game < len(self._setting.returns) else None
            span = bounds[1] - bounds[0] if bounds is not None else 0.0
            self.intervals[known] = Interval((-span, span) if span else None)
        return self.intervals[known]


class Until(Rounds):
    """Round after round of all line-ups, until the interval of every difference is narrower than `width`."""

    hears = True
    options: ClassVar[Mapping[str, Option]] = {
        "width": Option("str", None, "of an interval, in the game's unit; of several games 0.2/1.5, in their order"),
        "rounds": Option("int", 100_000, "most rounds", 1),
    }

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "until") -> None:
        super().__init__(setting, given, name)
        self._widths = _widths(self.values["width"], len(setting.seats))
        if max(setting.seats) < 2:
            raise ValueError("it compares operators that meet, and a game with one seat has no opponents")
        self.matches = None

    def blocks(self, first: int = 0) -> BlockIterator:
        heard = Differences(self.setting)
        size = sum(self._counts)
        step = max(1, math.ceil(AT_ONCE / self._whole))  # rounds
        most = self.values["rounds"]
        for begun in range(0, most, step):
            for number in range(begun * size, min(begun + step, most) * size):
                yield self._block(number)
            if begun:  # a step is played while the one before it is heard
                yield from self._hear(heard, step)
                if self._known(heard):
                    return

    def _hear(self, heard: Differences, rounds: int) -> BlockIterator:
        for _ in range(rounds):
            for _ in range(sum(self._counts)):
                heard.hear((yield HEAR))
            heard.end_round()

    def _known(self, heard: Differences) -> bool:
        return all(one.width <= self._widths[game] for (game, _, _), one in heard.intervals.items())

    def find(self, match: int) -> tuple[int, int]:
        return 0, 0


def _widths(given: str | None, games: int) -> list[float]:
    if given is None:
        raise ValueError("it needs a width, e.g. until@width=0.2")
    try:
        widths = [float(part) for part in given.split("/")]
    except ValueError:
        widths = []
    if not all(0 < width < math.inf for width in widths) or len(widths) not in (1, games) or not widths:
        raise ValueError(f"width={given}: expected a number above 0, or one for each of {games} games as in 0.2/1.5")
    return widths * games if len(widths) == 1 else widths
