"""A schedule that ends once it is known well enough who is better than whom."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from arena.evaluate.clusters import joined
from arena.evaluate.intervals import student_quantile
from arena.evaluate.rounds import Rounds
from arena.evaluate.sequences import ALPHA
from arena.evaluate.sequences import Sequence as Interval
from arena.options import Option
from arena.plan import HEAR, BlockIterator, MatchResult, Setting

AT_ONCE = 32  # matches between two looks, at least


Pair = tuple[int, int, int]  # game, one, other; one before other in the pool


class Differences:
    """Always-valid 95% intervals of the differences between operators, a pair at a game, heard block by block.

    More rounds tell more of play with these people, and nothing of others. So where several sat with the two, half of
    the 5% is for an interval over rounds, given the people, and half for Student's t over what the two got with each,
    of whom there are as many after every round. See arena/evaluate/clusters.py.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._intervals: dict[Pair, Interval] = {}
        self._values: dict[Pair, list[float]] = {}  # of the round that is heard
        self._people: dict[Pair, dict[frozenset[int], list[float]]] = {}  # number and sum of values with them

    def hear(self, results: Sequence[MatchResult]) -> None:
        """The results of a block; matches that are unresolved say nothing."""
        game = results[0].plan.game
        for one, other in itertools.combinations(sorted(results[0].plan.lineup), 2):
            self._of(game, one, other)
            values = [result.of(one) - result.of(other) for result in results if result.returns is not None]
            if values:
                value = math.fsum(values) / len(values)
                self._values.setdefault((game, one, other), []).append(value)
                sums = self._people.setdefault((game, one, other), {}).setdefault(
                    self._setting.people.intersection(results[0].plan.lineup) - {one, other}, [0, 0.0]
                )
                sums[0] += 1
                sums[1] += value

    def end_round(self) -> None:
        """Blocks of one pair in a round have other opponents, so a round is one value."""
        for (game, one, other), values in self._values.items():
            self._of(game, one, other).add(math.fsum(values) / len(values))
        self._values.clear()

    @property
    def intervals(self) -> dict[Pair, tuple[float, float]]:
        """Of every pair that met: (low, high)."""
        out = {}
        for pair, rounds in self._intervals.items():
            (low, high), beside = rounds.interval, self._over_people(pair)
            out[pair] = low - beside, high + beside
        return out

    def _over_people(self, pair: Pair) -> float:
        """Half the width of what others than these people would change."""
        sums = self._people.get(pair, {})
        groups = joined(who for who in sums if who)
        if len(groups) < 2:
            return 0.0
        count, total = (math.fsum(one[at] for one in sums.values()) for at in (0, 1))
        squares = 0.0
        for group in groups:
            size, mine = (math.fsum(one[at] for who, one in sums.items() if who and who <= group) for at in (0, 1))
            squares += (mine - size * total / count) ** 2
        error = math.sqrt(squares * len(groups) / (len(groups) - 1)) / count
        return student_quantile(ALPHA / 2, len(groups) - 1) * error

    def _of(self, game: int, one: int, other: int) -> Interval:
        pair = (game, one, other)
        if pair not in self._intervals:
            bounds = self._setting.returns[game] if game < len(self._setting.returns) else None
            span = bounds[1] - bounds[0] if bounds is not None else 0.0
            shared = self._setting.seats[game] > 2 and len(self._setting.people - {one, other}) > 1
            self._intervals[pair] = Interval((-span, span) if span else None, ALPHA / 2 if shared else ALPHA)
        return self._intervals[pair]


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
        return all(high - low <= self._widths[game] for (game, _, _), (low, high) in heard.intervals.items())

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
