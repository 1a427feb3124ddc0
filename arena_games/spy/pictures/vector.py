"""What a picture shows, as numbers for policies: one length for every kind of picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arena_games.spy.pictures import charts
from arena_games.spy.pictures.charts import Chart
from arena_games.spy.pictures.scene import COLOURS, MATERIALS, MOST, SHAPES, SIZES, Scene, Thing

THING = 1 + len(SHAPES) + len(COLOURS) + len(SIZES) + len(MATERIALS) + 2
LENGTH = 2 + MOST * THING


def vector(graph: Scene | Chart | None) -> npt.NDArray[np.float32]:
    """float32 (LENGTH,), each number in [0, 1]; all zero for a picture without a graph.

    The first two numbers tell a scene from a chart. Of a scene, THING numbers for each thing from left to right: 1,
    its shape, colour, size and material (one-hot), x and y. Of a chart its kind, then for each label 1, its value, its
    row of words and its place there (one-hot).
    """
    numbers: list[float] = []
    if isinstance(graph, Scene):
        numbers = [1, 0]
        for thing in sorted(graph.things, key=lambda thing: (thing.x, thing.y)):
            numbers += _thing(thing)
    elif graph is not None:
        numbers = [0, 1, *_hot(graph.kind, charts.KINDS)]
        row = next(words for words in charts.WORDS if graph.labels[0] in words)
        longest = max(map(len, charts.WORDS))
        for label, value in zip(graph.labels, graph.values, strict=True):
            place = _hot(label, row) + [0.0] * (longest - len(row))
            numbers += [1, value / charts.HIGH, *(float(row is words) for words in charts.WORDS), *place]
    out = np.zeros(LENGTH, np.float32)
    out[: len(numbers)] = numbers
    return out


def _thing(thing: Thing) -> list[float]:
    words = ((thing.shape, SHAPES), (thing.colour, COLOURS), (thing.size, SIZES), (thing.material, MATERIALS))
    return [1.0, *(number for word, known in words for number in _hot(word, known)), thing.x, thing.y]


def _hot(word: str, known: tuple[str, ...]) -> list[float]:
    return [float(word == one) for one in known]
