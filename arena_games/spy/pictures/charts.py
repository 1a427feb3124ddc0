"""Bar, line and pie charts with changed values or labels in the twin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from arena.game import Image
from arena_games.cards.text import font

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
THIN = 25  # least value of a pie, whose slices must hold their values
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
    values = tuple(int(value) for value in chance.choice(steps(kind), number, replace=False))
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
            free = [value for value in steps(chart.kind) if abs(value - before) >= APART and value not in twin.values]
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


def steps(kind: str) -> range:
    """The values that a chart may show."""
    return range(THIN if kind == "pie" else LOW, HIGH + 1, STEP)


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
    left, right, top, bottom = 0.04 * side, 0.96 * side, 0.13 * side, 0.87 * side
    for part in range(6):
        y = bottom - (bottom - top) * part / 5
        pen.line((left, y, right, y), fill=LINES if part else INK, width=max(1, side // (256 if part else 128)))
    column = (right - left) / len(chart.labels)
    places = [
        (left + (at + 0.5) * column, bottom - (bottom - top) * value / HIGH) for at, value in enumerate(chart.values)
    ]
    if chart.kind == "line":
        pen.line(places, fill=chart.colours[0], width=max(2, side // 64), joint="curve")
    for (x, y), colour in zip(places, chart.colours, strict=True):
        dot, half = side / 36, 0.33 * column
        if chart.kind == "line":
            pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=colour)
        else:
            pen.rectangle((round(x - half), round(y), round(x + half), round(bottom)), fill=colour)
    height = _height(chart.labels, 0.92 * column, round(0.075 * side))
    for (x, y), label, value in zip(places, chart.labels, chart.values, strict=True):
        _say(pen, label, x, bottom + 0.065 * side, height)
        _say(pen, str(value), x, y - 0.062 * side, round(0.068 * side))


def _pie(chart: Chart, out: Pillow.Image, pen: ImageDraw.ImageDraw) -> None:
    """Slices from the top, clockwise, with their names outside and their values inside."""
    side = out.width
    middle, part, height = side / 2, 0.33 * side, round(0.06 * side)
    start, whole = -90.0, sum(chart.values)
    box = (middle - part, middle - part, middle + part, middle + part)
    for label, value, colour in zip(chart.labels, chart.values, chart.colours, strict=True):
        end = start + 360 * value / whole
        pen.pieslice(box, start, end, fill=colour, outline=PAPER, width=max(1, side // 128))
        turn = math.radians((start + end) / 2)
        x, y = math.cos(turn), math.sin(turn)
        half = font(height, True).getlength(label) / 2
        away = part + 0.03 * side + abs(x) * half + abs(y) * height / 2
        _say(pen, label, min(max(middle + away * x, half + 2), side - half - 2), middle + away * y, height)
        inside = part * (0.68 if end - start > 30 else 0.84)
        _say(pen, str(value), middle + inside * x, middle + inside * y, height)
        start = end


def _say(pen: ImageDraw.ImageDraw, words: str, x: float, y: float, height: int) -> None:
    """Words with their middle at (x, y) and light around them."""
    edge = max(1, height // 8)
    place = (round(x), round(y))
    pen.text(place, words, fill=INK, font=font(height, True), anchor="mm", stroke_width=edge, stroke_fill=PAPER)


def _height(labels: Sequence[str], width: float, most: int) -> int:
    """The height at which every label is at most `width` wide."""
    widest = max(font(most, True).getlength(label) for label in labels)
    return max(6, math.floor(most * min(1.0, width / widest)))
