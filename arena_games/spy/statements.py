"""Statements about a picture: a fixed list for each kind of picture, which are true, and how much each tells."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from arena_games.spy.pictures import charts
from arena_games.spy.pictures.charts import Chart
from arena_games.spy.pictures.scene import ATTRIBUTES, COLOURS, FEWEST, MATERIALS, MOST, SHAPES, SIZES, Scene, Thing

PLACES: dict[str, Callable[[Thing], bool]] = {  # what is near the middle is at none of them
    "on the left": lambda thing: thing.x < 0.4,
    "on the right": lambda thing: thing.x > 0.6,
    "in front": lambda thing: thing.y < 0.4,
    "at the back": lambda thing: thing.y > 0.6,
}
PART = 0.4  # of the floor that each of the places takes
# Words that a free text may have around a statement.
OPENING = re.compile(r"^(?:i (?:can )?see|my picture (?:has|shows)|it has|there (?:is|are)|i have)\s+(?:exactly\s+)?")
JOINED = re.compile(r"[.;,!]+|\band\b")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about a picture: its words, whether it is true of a graph, and how likely that is of a random one."""

    words: str
    holds: Callable[[Any], bool]
    chance: float  # 0 to 1, both excluded
    where: Mapping[str, str] | None = None  # of a scene: the attributes of the things that it is about
    place: str | None = None  # and where they are, of PLACES
    counts: bool = False  # it says how many they are, and not that there are some

    @property
    def bits(self) -> float:
        """How much it tells of a picture of which it is true: -log2 of the share of all pictures that it leaves."""
        return -math.log2(self.chance)


@dataclass(frozen=True)
class Statements:
    """A fixed list of statements about one kind of picture."""

    all: tuple[Statement, ...]

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(one.words for one in self.all)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {one.words.lower(): number for number, one in enumerate(self.all)}

    def true(self, graph: Any) -> npt.NDArray[np.bool_]:
        """Which of them are true of a picture's graph, (statements,)."""
        return np.array([one.holds(graph) for one in self.all], np.bool_)

    def read(self, text: str) -> tuple[tuple[int, ...], bool]:
        """The statements that a text makes, in its order, and whether it makes nothing but these."""
        parts = [OPENING.sub("", part.strip().lower()) for part in JOINED.split(text) if part.strip()]
        found = [self._numbers.get(part) for part in parts]
        known = tuple(dict.fromkeys(number for number in found if number is not None))
        return known, bool(parts) and None not in found


@cache
def of_scenes() -> Statements:
    """Statements about scenes: what there is and where, and how many."""
    out = [_there_is(f"a {colour} {shape}", colour=colour, shape=shape) for colour, shape in product(COLOURS, SHAPES)]
    out += [_there_is(f"a {size} {colour} thing", size=size, colour=colour) for size, colour in product(SIZES, COLOURS)]
    out += [
        _there_is(f"a {colour} {material} thing", material=material, colour=colour)
        for material, colour in product(MATERIALS, COLOURS)
    ]
    out += [
        _there_is(f"a {size} {material} {shape}", size=size, material=material, shape=shape)
        for size, material, shape in product(SIZES, MATERIALS, SHAPES)
    ]
    out += [_there_is(f"a {colour} thing {place}", place, colour=colour) for colour, place in product(COLOURS, PLACES)]
    numbers = range(FEWEST, MOST + 1)
    out += [
        Statement(f"{number} things", partial(_so_many, number, {}), 1 / len(numbers), {}, counts=True)
        for number in numbers
    ]
    out += [_there_are(number, shape, shape=shape) for shape, number in product(SHAPES, range(5))]
    out += [_there_are(number, "metal thing", material="metal") for number in range(6)]
    return Statements(tuple(out))


def _there_is(words: str, place: str | None = None, **where: str) -> Statement:
    likely = _likely(where) * (PART if place else 1)
    chance = _mean(lambda n: 1 - (1 - likely) ** n)
    return Statement(words, partial(_some, where, place), chance, where, place)


def _there_are(number: int, what: str, **where: str) -> Statement:
    likely = _likely(where)
    chance = _mean(lambda n: math.comb(n, number) * likely**number * (1 - likely) ** max(0, n - number))
    words = f"no {what}s" if number == 0 else f"only 1 {what}" if number == 1 else f"{number} {what}s"
    return Statement(words, partial(_so_many, number, where), chance, where, counts=True)


def _some(where: Mapping[str, str], place: str | None, scene: Scene) -> bool:
    return any(place is None or PLACES[place](thing) for thing in matching(where, scene))


def _so_many(number: int, where: Mapping[str, str], scene: Scene) -> bool:
    return len(matching(where, scene)) == number


def matching(where: Mapping[str, str], scene: Scene) -> list[Thing]:
    """The things that have these attributes."""
    return [thing for thing in scene.things if all(getattr(thing, name) == word for name, word in where.items())]


def _likely(where: Iterable[str]) -> float:
    """The share of things that have one value each of these attributes."""
    return math.prod(1 / len(ATTRIBUTES[name]) for name in where)


def _mean(of: Callable[[int], float]) -> float:
    """The mean over how many things there are, as if they were drawn one by one."""
    numbers = range(FEWEST, MOST + 1)
    return sum(of(n) for n in numbers) / len(numbers)


@cache
def of_charts() -> Statements:
    """Statements about charts: their kind, what they have, what is most and least, and what is over and under 50."""
    sizes = range(charts.FEWEST, charts.MOST + 1)
    out = [Statement(f"a {kind} chart", partial(_of_kind, kind), 1 / len(charts.KINDS)) for kind in charts.KINDS]
    out += [Statement(f"{number} labels", partial(_labels, number), 1 / len(sizes)) for number in sizes]
    values = [charts.steps(kind) for kind in charts.KINDS]  # of a pie there are fewer
    over = sum(sum(value > 50 for value in some) / len(some) for some in values) / len(values)
    under = sum(sum(value < 50 for value in some) / len(some) for some in values) / len(values)
    for row in charts.WORDS:
        most = 1 / len(charts.WORDS) / len(row)  # any of the row is as likely to be the largest
        there = most * sum(sizes) / len(sizes)
        for word in row:
            out += [
                Statement(f"{word} is there", partial(_between, word, charts.LOW, charts.HIGH), there),
                Statement(f"{word} has the most", partial(_extreme, word, max), most),
                Statement(f"{word} has the least", partial(_extreme, word, min), most),
                Statement(f"{word} is over 50", partial(_between, word, 51, charts.HIGH), there * over),
                Statement(f"{word} is under 50", partial(_between, word, charts.LOW, 49), there * under),
            ]
    return Statements(tuple(out))


def _of_kind(kind: str, chart: Chart) -> bool:
    return chart.kind == kind


def _labels(number: int, chart: Chart) -> bool:
    return len(chart.labels) == number


def _between(word: str, low: int, high: int, chart: Chart) -> bool:
    return word in chart.labels and low <= chart.values[chart.labels.index(word)] <= high


def _extreme(word: str, which: Callable[[Iterable[int]], int], chart: Chart) -> bool:
    return word in chart.labels and chart.values[chart.labels.index(word)] == which(chart.values)


def by_name(pictures: str) -> Statements:
    """Of "scenes" or "charts"."""
    return {"scenes": of_scenes, "charts": of_charts}[pictures]()


def described(graph: Scene | Chart) -> str:
    """The picture in words, for whoever is given none: things from left to right, or the values of a chart."""
    if isinstance(graph, Chart):
        values = (f"{label} {value}" for label, value in zip(graph.labels, graph.values, strict=True))
        return f"a {graph.kind} chart: {', '.join(values)}"
    things = sorted(graph.things, key=lambda one: (one.x, one.y))
    return "; ".join(_placed(one) for one in things) or "nothing at all"


def _placed(thing: Thing) -> str:
    where = [place for place, within in PLACES.items() if within(thing)]
    return f"a {thing} {' '.join(where) or 'in the middle'}"


def offered(true: npt.NDArray[np.bool_] | None, count: int, most: int, chance: np.random.Generator) -> tuple[int, ...]:
    """The numbers of `most` statements of `count`, ascending: half of them true of one's own picture if so many are.

    With None, of a blank picture, any.
    """
    if true is None:
        return tuple(sorted(chance.choice(count, most, replace=False).tolist()))
    right, wrong = np.flatnonzero(true), np.flatnonzero(~true)
    half = min(most // 2, len(right))
    taken = [chance.choice(some, many, replace=False) for some, many in ((right, half), (wrong, most - half))]
    return tuple(sorted(np.concatenate(taken).tolist()))
