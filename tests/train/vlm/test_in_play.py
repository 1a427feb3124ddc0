"""How many matches are in play over time, and how long none is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.train.vlm.in_play import Change, InPlay

CHANGES = st.lists(
    st.dictionaries(st.integers(1, 30), st.integers(0, 4), max_size=6).map(
        lambda found: [(float(at), count) for at, count in sorted(found.items())]
    ),
    min_size=1,
    max_size=3,
)


def levels(told: list[list[Change]], moment: float) -> int:
    """How many matches are in play at a moment."""
    return sum(next((count for at, count in reversed(one) if at <= moment), 0) for one in told)


@given(CHANGES, st.integers(1, 29))
def test_it_counts_what_every_moment_counts_for_itself(told: list[list[Change]], middle: int) -> None:
    found = InPlay(0.0)
    for who, changes in enumerate(told):
        found.heard(who, changes)
    for since, until in ((0, middle), (middle, 30)):
        every = [levels(told, moment + 0.5) for moment in range(since, until)]
        mean, empty = sum(every) / len(every), every.count(0) / len(every)
        assert found.until(float(until)) == (pytest.approx(mean), pytest.approx(empty))


def test_what_is_heard_late_counts_from_the_next_call_on() -> None:
    found = InPlay(0.0)
    assert found.until(10.0) == (0.0, 1.0)
    found.heard("late", [(5.0, 3)])
    assert found.until(20.0) == (3.0, 0.0)


def test_no_time_is_an_empty_one() -> None:
    assert InPlay(1.0).until(1.0) == (0.0, 1.0)
