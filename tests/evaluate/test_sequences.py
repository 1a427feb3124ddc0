"""Always-valid intervals hold however often one looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.evaluate.sequences import FIRST, Sequence

KINDS = {  # draws, mean, bounds
    "coin": (lambda chance, count: (chance.random(count) < 0.3).astype(float), 0.3, (0.0, 1.0)),
    "cards": (
        lambda chance, count: chance.choice([-13.0, -1.0, 1.0, 3.0], count, p=[0.1, 0.4, 0.4, 0.1]),
        -1.0,
        (-13.0, 13.0),
    ),
    "any": (lambda chance, count: chance.normal(2.0, 3.0, count), 2.0, None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_misses_the_mean_at_any_look_in_at_most_5_percent_of_runs(kind):
    draw, mean, bounds = KINDS[kind]
    missed = 0
    for seed in range(300):
        found = Sequence(bounds)
        for value in draw(np.random.default_rng(seed), 400):
            found.add(float(value))
            if not found.interval[0] <= mean <= found.interval[1]:
                missed += 1
                break
    assert missed / 300 <= 0.05 + 1.96 * (0.05 * 0.95 / 300) ** 0.5


def test_an_ordinary_interval_that_is_looked_at_always_would_miss():
    """The reason to have another one."""
    missed = 0
    for seed in range(300):
        values = np.random.default_rng(seed).normal(size=400)
        counts = np.arange(1, 401)
        means = values.cumsum() / counts
        missed += bool((np.abs(means[20:]) > 1.96 / np.sqrt(counts[20:])).any())
    assert missed / 300 > 0.15


@given(st.lists(st.floats(-2, 3), min_size=1, max_size=60))
def test_it_only_narrows_and_stays_within_the_bounds(values):
    found, before = Sequence((-2.0, 3.0)), (-2.0, 3.0)
    for value in values:
        found.add(value)
        low, high = found.interval
        assert before[0] <= low
        assert high <= before[1]
        before = low, high


def test_without_bounds_there_is_none_of_few_values():
    found = Sequence()
    for number in range(FIRST):
        assert found.width == float("inf")
        found.add(float(number % 3))
    assert found.width < 5


def test_a_value_outside_its_bounds_is_refused():
    with pytest.raises(ValueError, match=r"value 2\.0 is outside its bounds"):
        Sequence((0.0, 1.0)).add(2.0)
