"""The t-interval against values of tables, and its coverage of nothing it should not cover."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.evaluate.intervals import BlockMean, Sum, mean_interval, t975

# Student's t, two-sided 95%: NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2.
TABLE = {1: 12.706, 2: 4.303, 5: 2.571, 10: 2.228, 29: 2.045, 30: 2.042, 31: 2.040, 40: 2.021, 60: 2.000, 100: 1.984}


@pytest.mark.parametrize(("freedom", "value"), TABLE.items())
def test_quantiles_are_those_of_the_table(freedom: int, value: float) -> None:
    assert t975(freedom) == pytest.approx(value, abs=6e-4)


def test_quantiles_fall_towards_the_normal_one() -> None:
    values = [t975(freedom) for freedom in range(1, 400)]
    assert values == sorted(values, reverse=True)
    assert t975(10**6) == pytest.approx(1.959964, abs=1e-5)


def test_the_interval_of_a_known_sample() -> None:
    """Mean 3, standard deviation sqrt(2.5), 5 values: 3 -+ 2.776 * sqrt(2.5 / 5)."""
    half = 2.776 * math.sqrt(0.5)
    assert mean_interval([1, 2, 3, 4, 5]) == pytest.approx((3 - half, 3 + half))


@pytest.mark.parametrize("values", [[], [1.0]])
def test_fewer_than_two_values_have_none(values: list[float]) -> None:
    assert mean_interval(values) == (None, None)


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert mean_interval([0.1] * 10) == pytest.approx((0.1, 0.1))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.randoms(use_true_random=False))
def test_the_interval_holds_the_mean_and_does_not_depend_on_the_order(values: list[float], chance: object) -> None:
    low, high = mean_interval(values)
    assert low is not None
    assert high is not None
    assert low <= math.fsum(values) / len(values) + 1e-6
    assert high >= math.fsum(values) / len(values) - 1e-6
    chance.shuffle(values)  # type: ignore[attr-defined]
    assert mean_interval(values) == (low, high)


@pytest.mark.parametrize(("freedom", "value"), [(31, 2.03951), (35, 2.03011), (50, 2.00856)])
def test_beyond_the_table_quantiles_are_right_to_three_digits(freedom: int, value: float) -> None:
    assert t975(freedom) == pytest.approx(value, abs=1.5e-4)


@pytest.mark.parametrize(
    "values", [[1e16, 1.0, -1e16], [1.0, 1e16, -1e16], [1e16, 1.0, 1.0, 1.0, -1e16, 1.0, 0.5], [1e16, -1e16, 3.0]]
)
def test_a_sum_loses_nothing_to_rounding(values: list[float]) -> None:
    total = Sum()
    for value in values:
        total.add(value)
    assert total.value == math.fsum(values)


def test_blocks_without_matches_are_none() -> None:
    mean = BlockMean()
    for size, total in ((2, 4.0), (0, 0.0), (2, 8.0)):
        mean.add(size, total)
    assert (mean.blocks, mean.matches, mean.mean) == (2, 4, 3.0)
    assert mean.interval == pytest.approx((3 - 12.706, 3 + 12.706))
