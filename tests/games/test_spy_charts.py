"""Charts and their twins: what is declared is what differs, in the graphs and in the pictures of all three kinds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from arena_games.cards.text import font
from arena_games.spy.pictures import charts
from arena_games.spy.pictures.charts import Chart, ChartEdit

SIZE = 128  # pixels of a side, as small models see
BLOCK = 250  # twins of a test: 2 s of a core
Mask = npt.NDArray[np.bool_]


def test_a_charts_twin_differs_in_exactly_the_declared_edits() -> None:
    for seed in range(1000):
        first = charts.chart(np.random.default_rng(seed))
        second, edits = charts.edited(first, np.random.default_rng(seed))
        found = {
            ("value" if one == "values" else "label", at, str(before), str(after))
            for one in ("values", "labels")
            for at, (before, after) in enumerate(zip(getattr(first, one), getattr(second, one), strict=True))
            if before != after
        }
        assert found == {(edit.kind, edit.index, edit.before, edit.after) for edit in edits}
        assert 1 <= len(edits) == len(found) <= 3
        assert (first.kind, first.colours) == (second.kind, second.colours)
        assert len({*second.labels}) == len(second.labels)
        assert len({*second.values}) == len(second.values)


def test_changed_values_are_far_enough_to_be_seen() -> None:
    for seed in range(300):
        first = charts.chart(np.random.default_rng(seed))
        for edit in charts.edited(first, np.random.default_rng(seed))[1]:
            assert edit.kind == "label" or abs(int(edit.before) - int(edit.after)) >= charts.APART


def one_by_one(first: Chart, edits: tuple[ChartEdit, ...]) -> Iterator[tuple[Chart, Chart, ChartEdit]]:
    """Before and after each edit: with one at a time, no edit can hide behind another one's part of the picture."""
    for edit in edits:
        after = list(first.values if edit.kind == "value" else first.labels)
        after[edit.index] = int(edit.after) if edit.kind == "value" else edit.after
        changes = {"values" if edit.kind == "value" else "labels": tuple(after)}
        second = replace(first, **changes)
        yield first, second, edit
        first = second


@pytest.mark.parametrize("seeds", [range(at, at + BLOCK) for at in range(0, 1000, BLOCK)], ids=str)
def test_twins_look_different_in_the_edited_parts_and_nowhere_else(seeds: range) -> None:
    """Over 1,000 seeds, every pixel is equal but those of the edited value or label."""
    kinds = set()
    for seed in seeds:
        chance = np.random.default_rng(seed)
        first = charts.chart(chance)
        twin, edits = charts.edited(first, chance)
        for before, after, edit in one_by_one(first, edits):
            one, other = charts.draw(before, SIZE), charts.draw(after, SIZE)
            inside = part(before, after, edit)
            assert np.array_equal(one[~inside], other[~inside]), (seed, edit)
            clearly = np.abs(one.astype(int) - other).max(-1) > 24
            assert clearly.sum() >= 8, (seed, edit)
            kinds.add((first.kind, edit.kind))
        assert after == twin
    assert len(kinds) == 6


def part(before: Chart, after: Chart, edit: ChartEdit) -> Mask:
    """Where an edit may change a picture of SIZE, by the layout of charts; all parts of a side."""
    out = np.zeros((SIZE, SIZE), np.bool_)
    if before.kind == "pie":
        # A value moves all slices, since they share one circle, and so all labels; a label moves nothing.
        value = edit.kind == "value"
        if value:
            rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
            out |= np.hypot(rows - SIZE / 2, columns - SIZE / 2) <= 0.33 * SIZE + 1
        for chart in (before, after):
            for at in range(len(chart.labels)) if value else (edit.index,):
                mark(out, *label_box(chart, at))
        return out
    number = len(before.labels)
    column = 0.92 / number
    middle, half = 0.04 + (edit.index + 0.5) * column, column / 2
    if edit.kind == "label":
        # All labels have one height, which the longest of them sets.
        heights = {
            charts._height(chart.labels, 0.92 * column * 2 * SIZE, round(0.15 * SIZE)) for chart in (before, after)
        }
        mark(out, *((middle - half, middle + half) if len(heights) == 1 else (0.0, 1.0)), 0.88, 1.0)
        return out
    near = {edit.index}
    if before.kind == "line":
        near |= {max(0, edit.index - 1), min(number - 1, edit.index + 1)}
        half = max(half, column)
    heights = [0.87 - 0.74 * chart.values[at] / charts.HIGH for chart in (before, after) for at in near]
    mark(out, middle - half, middle + half, min(heights) - 0.11, max(heights) + 0.03)
    return out


def label_box(pie: Chart, at: int) -> tuple[float, float, float, float]:
    """The left, right, top and bottom of a pie's label: just outside of the circle, at the middle of its slice."""
    high = round(0.06 * 2 * SIZE) / (2 * SIZE)
    turn = math.radians(360 * (sum(pie.values[:at]) + pie.values[at] / 2) / sum(pie.values) - 90)
    across, down = math.cos(turn), math.sin(turn)
    half = font(round(0.06 * 2 * SIZE), True).getlength(pie.labels[at]) / (4 * SIZE)
    away = 0.36 + abs(across) * half + abs(down) * high / 2
    x, y = min(max(0.5 + away * across, half), 1 - half), 0.5 + away * down
    return x - half - 0.02, x + half + 0.02, y - 0.75 * high, y + 0.75 * high


def mark(out: Mask, left: float, right: float, top: float, bottom: float) -> None:
    """A box of parts of a side, and the pixels that it begins."""
    edges = [max(0, math.floor(one * SIZE)) for one in (left, top)] + [math.ceil(one * SIZE) for one in (right, bottom)]
    out[edges[1] : edges[3], edges[0] : edges[2]] = True


def test_most_of_a_picture_may_not_differ_from_its_twin() -> None:
    """So the test above can fail; a pie's value alone changes most of what is drawn."""
    parts: dict[tuple[str, str], list[float]] = {}
    for seed in range(300):
        chance = np.random.default_rng(seed)
        first = charts.chart(chance)
        for before, after, edit in one_by_one(first, charts.edited(first, chance)[1]):
            parts.setdefault((first.kind, edit.kind), []).append(part(before, after, edit).mean())
    assert {
        kinds: np.mean(shares) < (0.55 if kinds == ("pie", "value") else 0.25) for kinds, shares in parts.items()
    } == {(kind, edit): True for kind in charts.KINDS for edit in ("value", "label")}


def test_a_chart_is_written_on_with_its_labels_and_values_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the words are, no comparison of twins would tell: they move with what they stand at."""
    said: list[str] = []
    monkeypatch.setattr(charts, "_say", lambda pen, words, *_: said.append(words))
    for seed in range(60):
        chart = charts.chart(np.random.default_rng(seed))
        said.clear()
        charts.draw(chart, 16)
        assert sorted(said) == sorted([*chart.labels, *map(str, chart.values)])


def test_slices_of_a_pie_are_its_values() -> None:
    """Since one value moves all slices, they are read off a circle that no words are on."""
    turns = np.radians(np.arange(0, 360, 0.1) - 90)
    size = 256
    pixels = [np.round(size * (0.5 + 0.33 * 0.35 * way(turns)) - 0.5).astype(int) for way in (np.sin, np.cos)]
    seen = 0
    for seed in range(300):
        pie = charts.chart(np.random.default_rng(seed))
        if pie.kind != "pie":
            continue
        ring = charts.draw(pie, size)[pixels[0], pixels[1]].astype(int)
        paints = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in pie.colours])
        away = np.abs(ring[:, None] - paints).sum(-1)
        slices = away.argmin(1)[away.min(1) < 30]  # without the light lines between them
        assert (np.diff(slices) >= 0).all()  # clockwise from the top
        shares = np.bincount(slices, minlength=len(paints)) / len(slices)
        assert np.abs(shares - np.array(pie.values) / sum(pie.values)).max() < 0.02, seed
        seen += 1
    assert seen > 50
