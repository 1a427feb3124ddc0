"""Plots as inline SVG that keep the size of their letters at any width: places are in percent of the width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from arena.report.html import Html, tag

ROW = 40  # pixels
LEFT, RIGHT = 2.0, 98.0  # percent
LINES_HEIGHT = 220  # pixels
STROKES = 6  # of lines, in page.css


class Mark(NamedTuple):
    """A row of a plot: a value, and its interval if it has one."""

    name: str
    value: float
    low: float | None
    high: float | None
    text: str  # the numbers in words


def intervals(marks: Sequence[Mark], label: str, unit: str) -> Html:
    """A row a mark, on one scale. `label` says what it shows; `unit` stands at the scale."""
    if not marks:
        return Html("")
    ends = [end for mark in marks for end in (mark.low, mark.value, mark.high) if end is not None]
    steps = ticks(min(ends), max(ends))
    low, high = steps[0], steps[-1]

    def place(value: float) -> str:
        return f"{LEFT + (value - low) / (high - low) * (RIGHT - LEFT):.2f}%"

    height = ROW * len(marks) + 8
    parts = []
    for at in steps:
        # Only beside the dots: the words of a row stand between them.
        for row in range(len(marks)):
            ends_at = {"y1": ROW * row + 21, "y2": ROW * (row + 1)}
            parts.append(tag("line", x1=place(at), x2=place(at), class_="rule", **ends_at))
        anchor = "start" if at == low else "end" if at == high else "middle"
        parts.append(tag("text", f"{at:g}", x=place(at), y=height + 16, text_anchor=anchor, class_="axis"))
    for row, mark in enumerate(marks):
        y = ROW * row + 30
        parts.append(tag("text", f"{mark.name}  {mark.text}", x=f"{LEFT}%", y=y - 13))
        if mark.low is not None and mark.high is not None:
            parts.append(tag("line", x1=place(mark.low), x2=place(mark.high), y1=y, y2=y, class_="whisker"))
        parts.append(tag("circle", cx=place(mark.value), cy=y, r=5, class_="dot"))
    told = f"{label}: " + "; ".join(f"{mark.name} {mark.text}" for mark in marks)
    image = tag("svg", *parts, height=height + 22, role="img", aria_label=told)
    return tag("figure", image, tag("figcaption", f"{label}, in {unit}"), class_="plot")


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round numbers, the first at or below `low` and the last at or above `high`, always two or more."""
    spread = high - low
    if spread <= 1e-9 * max(abs(low), abs(high), 1.0):  # one value, but for rounding
        low = high = (low + high) / 2
        spread = abs(high) if abs(high) > 1e-9 else 1.0
    step = 10.0 ** math.floor(math.log10(spread / (most - 1)))
    for factor in (1, 2, 5, 10, 20, 50):
        first, last = math.floor(low / (step * factor)), math.ceil(high / (step * factor))
        last = max(last, first + 1)
        if last - first < most:
            return [round(at * step * factor, 12) for at in range(first, last + 1)]
    raise AssertionError("a step of 50 always suffices")


class Line(NamedTuple):
    """A line of a plot: its values at `every`, 2 * `every`, ... of what runs along; at the start it is 0."""

    name: str
    values: Sequence[float]
    every: int


def lines(shown: Sequence[Line], label: str, along: str) -> Html:
    """Lines over one scale, each with a colour and a dash of its own. `along` names what runs from left to right."""
    steps = ticks(min(0.0, *(min(one.values) for one in shown)), max(0.0, *(max(one.values) for one in shown)))
    low, high, last = steps[0], steps[-1], max(len(one.values) for one in shown)
    parts = []
    for at in steps:
        y = f"{100 * (high - at) / (high - low):.2f}"
        parts.append(tag("line", x1="0", x2="100", y1=y, y2=y, class_="rule", vector_effect="non-scaling-stroke"))
    for number, one in enumerate(shown):
        points = " ".join(
            f"{100 * place / last:.2f},{100 * (high - value) / (high - low):.2f}"
            for place, value in enumerate((0.0, *one.values))
        )
        kind = f"line line-{number % STROKES}"
        parts.append(tag("polyline", points=points, class_=kind, vector_effect="non-scaling-stroke"))
    image = tag(
        "svg",
        *parts,
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
        height=LINES_HEIGHT,
        role="img",
        aria_label=f"{label}: " + "; ".join(f"{one.name} ends at {one.values[-1]:.3g}" for one in shown),
    )
    scale = tag("div", *(tag("span", f"{at:g}") for at in reversed(steps)), class_="scale", aria_hidden="true")
    legend = tag(
        "ul",
        *(
            tag("li", tag("svg", tag("line", x1=0, x2=28, y1=6, y2=6, class_=f"line line-{at % STROKES}")), one.name)
            for at, one in enumerate(shown)
        ),
        class_="legend",
    )
    caption = tag("figcaption", f"{label}, from the start to {along} {last * shown[0].every - 1}")
    return tag("figure", tag("div", scale, image, class_="lines"), legend, caption, class_="plot")
