"""Numbers as people read them."""

from __future__ import annotations

import pytest

from arena.figures import brief, counted, measure, number, signed, span


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
