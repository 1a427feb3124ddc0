"""Bar, line and pie charts with changed values or labels in the twin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeVar

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from arena.game import Image
from arena_games.cards.paste import put
from arena_games.cards.text import text

T = TypeVar("T")
KINDS = ("bar", "line", "pie")
# A chart's labels are of one of these rows.
WORDS = (
    ("apple", "pear", "plum", "fig", "grape", "melon", "lemon", "kiwi"),
    ("cat", "dog", "fox", "owl", "bee", "hen", "pig", "cow"),
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug"),
    ("rice", "tea", "milk", "corn", "salt", "oil", "egg", "bread"),
)
FEWEST, MOST = 3, 6  # labels of a chart
LOW, HIGH, STEP = 10, 100, 5  # values
APART = 15  # a changed value differs by so much at least; two values of a chart by STEP
PAINTS = ("#3b6fd4", "#d8432f", "#2f9a46", "#e0a21b", "#8b46b8", "#1fa6b8")
INK, PAPER, LINES = "#20242c", "#ffffff", "#d5d9e0"
FINE = 2  # drawn larger and reduced


@dataclass(frozen=True, slots=True)
class Chart:
    """Each label with its value and its colour (#rrggbb); `kind` is bar, line or pie. A line has one colour."""

    kind: str
    labels: tuple[str, ...]
    values: tuple[int, ...]
    colours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChartEdit:
    """One difference of a twin: what stands at `index` among the values or the labels."""

    kind: Literal["value", "label"]
    index: int
    before: str
    after: str


def chart(chance: np.random.Generator) -> Chart:
    """A chart of 3 to 6 labels, with different values."""
    kind = str(chance.choice(KINDS))
    words = WORDS[chance.integers(len(WORDS))]
    number = int(chance.integers(FEWEST, MOST + 1))
    labels = tuple(words[at] for at in sorted(chance.choice(len(words), number, replace=False)))
    values = tuple(int(value) for value in chance.choice(np.arange(LOW, HIGH + 1, STEP), number, replace=False))
    paints = chance.permutation(len(PAINTS))[:number]
    colours = tuple(PAINTS[at] for at in paints)
    return Chart(kind, labels, values, colours[:1] * number if kind == "line" else colours)


def edited(
    chart: Chart, chance: np.random.Generator, edits: tuple[int, int] = (1, 3)
) -> tuple[Chart, tuple[ChartEdit, ...]]:
    """A twin with `edits` differences (fewest, most), each of another label or value: two in three are values.

    ValueError for edits that are not within 1 to 3.
    """
    low, high = edits
    if not 1 <= low <= high <= FEWEST:
        raise ValueError(f"edits={edits}: expected two numbers from 1 to {FEWEST}, the smaller one first")
    number = int(chance.integers(low, high + 1))
    found: list[ChartEdit] = []
    twin = chart
    for index in (int(at) for at in chance.permutation(len(chart.labels))[:number]):
        if chance.random() < 2 / 3:
            before = chart.values[index]
            free = [
                value
                for value in range(LOW, HIGH + 1, STEP)
                if abs(value - before) >= APART and value not in twin.values
            ]
            after = int(chance.choice(free))
            found.append(ChartEdit("value", index, str(before), str(after)))
            twin = replace(twin, values=_with(twin.values, index, after))
        else:
            row = next(words for words in WORDS if chart.labels[0] in words)
            word = str(chance.choice([word for word in row if word not in {*chart.labels, *twin.labels}] or [""]))
            if not word:
                return edited(chart, chance, edits)
            found.append(ChartEdit("label", index, chart.labels[index], word))
            twin = replace(twin, labels=_with(twin.labels, index, word))
    return twin, tuple(found)


def _with(row: Sequence[T], index: int, value: T) -> tuple[T, ...]:
    return (*row[:index], value, *row[index + 1 :])


def draw(chart: Chart, size: int = 256) -> Image:
    """The picture, uint8 (size, size, 3). ValueError for a size below 16 or above 1024."""
    if not 16 <= size <= 1024:
        raise ValueError(f"size={size}: expected 16 to 1024 pixels")
    out = Pillow.new("RGB", (FINE * size, FINE * size), PAPER)
    pen = ImageDraw.Draw(out)
    (_pie if chart.kind == "pie" else _axes)(chart, out, pen)
    return np.array(out.resize((size, size), Pillow.Resampling.BOX))


def _axes(chart: Chart, out: Pillow.Image, pen: ImageDraw.ImageDraw) -> None:
    """Bars, or a line with points, over a grid."""
    side = out.width
    left, right, top, bottom = 0.05 * side, 0.97 * side, 0.10 * side, 0.87 * side
    for part in range(6):
        y = bottom - (bottom - top) * part / 5
        pen.line(
            (left, y, right, y), fill=INK if part == 0 else LINES, width=max(1, side // (128 if part == 0 else 256))
        )
    column = (right - left) / len(chart.labels)
    height = _height(chart, column * 0.92, 0.075 * side)
    places = []
    for at, value in enumerate(chart.values):
        x, y = left + (at + 0.5) * column, bottom - (bottom - top) * value / HIGH
        places.append((x, y))
        if chart.kind == "bar":
            pen.rectangle(
                (round(x - 0.33 * column), round(y), round(x + 0.33 * column), round(bottom)), fill=chart.colours[at]
            )
    if chart.kind == "line":
        pen.line(places, fill=chart.colours[0], width=max(2, side // 64), joint="curve")
        for x, y in places:
            dot = side / 42
            pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=chart.colours[0])
    for (x, y), label, value in zip(places, chart.labels, chart.values, strict=True):
        put(out, text(label, height, INK, True), x, bottom + 0.065 * side)
        put(out, text(str(value), round(0.062 * side), INK, True), x, y - 0.05 * side)


def _pie(chart: Chart, out: Pillow.Image, pen: ImageDraw.ImageDraw) -> None:
    """Slices from the top, clockwise, with their names outside and their values inside."""
    side = out.width
    middle, part = side / 2, 0.36 * side
    start, whole = -90.0, sum(chart.values)
    box = (middle - part, middle - part, middle + part, middle + part)
    for label, value, colour in zip(chart.labels, chart.values, chart.colours, strict=True):
        end = start + 360 * value / whole
        pen.pieslice(box, start, end, fill=colour, outline=PAPER, width=max(1, side // 128))
        turn = math.radians((start + end) / 2)
        x, y = math.cos(turn), math.sin(turn)
        put(out, text(label, round(0.06 * side), INK, True), middle + 1.17 * part * x, middle + 1.17 * part * y)
        put(out, text(str(value), round(0.06 * side), PAPER, True), middle + 0.7 * part * x, middle + 0.7 * part * y)
        start = end


@lru_cache(maxsize=256)
def _wide(label: str, height: int) -> int:
    return text(label, height, INK, True).width


def _height(chart: Chart, width: float, most: float) -> int:
    """The height at which every label is at most `width` wide."""
    at_most = round(most)
    widest = max(_wide(label, at_most) for label in chart.labels)
    return max(6, math.floor(at_most * min(1.0, width / widest)))
