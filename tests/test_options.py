"""A declared option takes what it says and refuses everything else in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.options import TYPES, Option

NUMBER = Option("int", 3, "how many", low=1, high=9)
SHARE = Option("float", 0.5, "how much", low=0.0, high=1.0)
FREE = Option("float", 0.5, "how much")
FLAG = Option("bool", False, "whether")
WORD = Option("str", "a", "which", choices=("a", "b"))


@pytest.mark.parametrize(
    ("option", "value", "out"),
    [
        (NUMBER, "7", 7),
        (NUMBER, 7, 7),
        (SHARE, "0.25", 0.25),
        (SHARE, 1, 1.0),
        (FLAG, "Yes", True),
        (FLAG, "off", False),
        (FLAG, True, True),
        (FLAG, 0, False),
        (WORD, "b", "b"),
    ],
)
def test_what_is_taken(option: Option, value: object, out: object) -> None:
    assert option.check("x", value) == out
    assert type(option.check("x", value)) is type(out)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (NUMBER, "7.0"),
        (NUMBER, 7.0),
        (NUMBER, True),
        (NUMBER, "seven"),
        (NUMBER, [7]),
        (SHARE, "much"),
        (SHARE, True),
        (SHARE, 10**400),
        (SHARE, "nan"),
        (FREE, "nan"),
        (FREE, math.nan),
        (FLAG, "perhaps"),
        (FLAG, 2),
        (FLAG, ""),
    ],
)
def test_a_value_of_another_type_is_refused(option: Option, value: object) -> None:
    with pytest.raises(ValueError, match=rf"option x=.*expected {TYPES[option.type]} \({option.help}\)"):
        option.check("x", value)


@pytest.mark.parametrize(("option", "value"), [(NUMBER, 0), (NUMBER, "10"), (SHARE, 1.01), (SHARE, "-0.1")])
def test_a_value_out_of_bounds_is_refused(option: Option, value: object) -> None:
    with pytest.raises(ValueError, match=rf"option x=.*expected {option.values}"):
        option.check("x", value)


def test_a_value_that_is_no_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="option x='c': expected one of a, b"):
        WORD.check("x", "c")


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_anything_is_taken_or_refused_with_a_value_error(value: object) -> None:
    for option in (NUMBER, SHARE, FREE, FLAG, WORD):
        try:
            out = option.check("x", value)
        except ValueError:
            continue
        assert option.check("x", out) == out
