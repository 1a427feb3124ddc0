"""Numbers as people read them."""

from __future__ import annotations

import pytest

from arena.figures import brief, clock, counted, measure, number, rate, signed, span


@pytest.mark.parametrize("zero", [-0.0, -0.0004, 0.0, 0.0004])
def test_no_zero_is_negative(zero: float) -> None:
    assert {number(zero), signed(zero)} == {"+0.000"}
    assert measure(zero, "mean") == "0.00"
    assert signed(zero, 0) == "+0"


def test_no_end_of_an_interval_is_a_negative_zero() -> None:
    assert brief(-0.0) == "+0"
    assert span(-0.0, 0.0) == "+0.00..+0.00"
    assert span(-0.001, 1.0) == "+0.00..+1.00"


def test_what_a_unit_explains_does_not_stand_beside_a_number() -> None:
    assert counted("points (1: reached without a detour)") == "points"
    assert counted("chips a hand") == "chips a hand"


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "0.0"), (0.043, "0.04"), (0.4, "0.4"), (1.36, "1.4"), (99.5, "99.5"), (1234.4, "1,234")]
)
def test_no_rate_but_none_is_zero(value: float, said: str) -> None:
    assert rate(value) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0:00"), (75, "1:15"), (11105, "3:05:05")])
def test_seconds_are_told_as_a_clock_does(seconds: float, said: str) -> None:
    assert clock(seconds) == said
