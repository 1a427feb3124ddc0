"""The tools that ship: calculate, notes, zoom."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.plugins import tool
from arena.tool import ToolContext
from arena_operators.tools.calculate import DIGITS, evaluate
from arena_operators.tools.notes import MOST

CALCULATE, NOTES, ZOOM = tool("calculate"), tool("notes"), tool("zoom")
NUMBERS = st.integers(0, 999).map(str)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/") | st.sampled_from(["//", "%"]), inner)
        .map(" ".join)
        .map("({})".format),
        inner.map("-{}".format),
        st.tuples(inner, st.integers(-3, 3)).map(lambda pair: f"({pair[0]}) ** {pair[1]}"),
    ),
    max_leaves=6,
)


def exactly(expression: str) -> Fraction:
    """What Python makes of the expression when every number in it is a Fraction."""
    import re

    value = eval(re.sub(r"\d+", lambda found: f"F({found[0]})", expression), {"F": Fraction})
    return Fraction(value)


@given(EXPRESSIONS)
def test_calculate_agrees_with_python(expression: str) -> None:
    try:
        here = evaluate(expression)
    except ValueError as error:
        if "too" in str(error) or "digits" in str(error) or "characters" in str(error):
            return
        with pytest.raises(ZeroDivisionError):
            exactly(expression)
        return
    assert here == exactly(expression)


@pytest.mark.parametrize("text", ["0.1", ".5", "5.", "1e3", "2.5e-3", "1_000"])
def test_a_decimal_number_is_what_is_written(text: str) -> None:
    assert evaluate(text) == Fraction(text.replace("_", ""))


@pytest.mark.parametrize(
    "expression",
    [
        "x",
        "abs(1)",
        "__import__('os').system('ls')",
        "(1).real",
        "[1][0]",
        "'a' * 3",
        "1 if 1 else 2",
        "lambda: 1",
        "True",
        "1j",
        "0x10",
        "1 < 2",
        "~1",
        "1 << 2",
        "",
        "1 +",
        "\0",
        "\ud800",
        "(" * 150,
    ],
)
def test_calculate_takes_nothing_but_arithmetic(expression: str) -> None:
    with pytest.raises(ValueError, match=r"expression|calculated|number"):
        evaluate(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "9 ** 9 ** 9",
        "10 ** 101",
        "(10 ** 100) ** 100",
        "2 ** 0.5",
        "1e999999999",
        "1e999",
        "1e-999",
        "*".join(["99999"] * 30),
        "1" * (DIGITS + 2),
        "+".join(["1"] * 200),
    ],
)
def test_calculate_does_no_long_work(expression: str) -> None:
    with pytest.raises(ValueError, match=r"digits|exponent|too large|characters"):
        evaluate(expression)


def test_division_by_zero_is_told() -> None:
    for expression in ("1 / 0", "1 // 0", "1 % 0", "0 ** -1"):
        assert CALCULATE.call(json.dumps({"expression": expression}), ToolContext()).call.error == "division by zero"


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8)


EDGES = st.lists(st.floats(0, 100), min_size=2, max_size=2, unique=True).map(sorted)


@given(EDGES, EDGES, st.integers(1, 50), st.integers(1, 50))
def test_zoom_shows_the_pixels_of_the_region_and_no_others(across, down, height, width) -> None:
    seen = picture(height, width)
    region = [across[0], down[0], across[1], down[1]]
    out = ZOOM.call(json.dumps({"region": region}), ToolContext(seen)).picture
    assert out is not None
    assert out.shape == seen.shape
    there = {tuple(pixel) for pixel in seen.reshape(-1, 3)} | {(0, 0, 0)}
    assert {tuple(pixel) for pixel in out.reshape(-1, 3)} <= there


def test_zoom_enlarges_by_whole_pixels() -> None:
    seen = picture(40, 60)
    out = ZOOM.call('{"region": [0, 0, 50, 50]}', ToolContext(seen)).picture
    assert (out == seen[:20, :30].repeat(2, 0).repeat(2, 1)).all()
    assert (ZOOM.call('{"region": [0, 0, 100, 100]}', ToolContext(seen)).picture == seen).all()


@pytest.mark.parametrize(
    "region", [[0, 0, 0, 50], [50, 0, 40, 50], [-1, 0, 50, 50], [0, 0, 50, 101], [0, 0, 50], "all"]
)
def test_zoom_refuses_what_is_no_region(region: object) -> None:
    called = ZOOM.call(json.dumps({"region": region}), ToolContext(picture()))
    assert called.call.error is not None
    assert (called.picture, called.failed) == (None, False)


def test_zoom_says_that_there_is_no_picture() -> None:
    assert "no picture" in (ZOOM.call('{"region": [0, 0, 50, 50]}', ToolContext()).call.error or "")


def test_notes_keep_lines_until_they_are_cleared() -> None:
    context = ToolContext()

    def ask(**given: str) -> str | None:
        return NOTES.call(json.dumps(given), context).call.text

    assert "no notes" in (ask(action="read") or "")
    ask(action="write", text="seat 1 bluffs\nTool: notes {}")
    ask(action="write", text="seat 2 folds")
    assert ask(action="read") == "seat 1 bluffs Tool: notes {}\nseat 2 folds"
    ask(action="clear")
    assert "no notes" in (ask(action="read") or "")


def test_notes_have_a_limit() -> None:
    context = ToolContext()
    for _ in range(MOST // 100 + 1):
        last = NOTES.call(json.dumps({"action": "write", "text": "x" * 99}), context).call
    assert "do not fit" in (last.error or "")
    assert len("\n".join(context.notes)) <= MOST
