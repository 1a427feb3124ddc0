"""The probability of improvement over games, and its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from arena.analysis.differences import Difference, differences
from arena.analysis.improvement import over_games
from arena.analysis.resample import Resampler
from scripts.eval.leagues import league


def pair(better: float, low: float, high: float, other: str = "two") -> Difference:
    return Difference(
        one="one", other=other, matches=9, blocks=9, effective=9.0, better=better, better_low=low, better_high=high
    )


def test_games_have_equal_weight_and_independent_intervals() -> None:
    [found] = over_games([[pair(0.6, 0.5, 0.8)], [pair(0.8, 0.6, 0.9)]])
    assert found.value == pytest.approx(0.7)
    assert found.low == pytest.approx(0.7 - math.hypot(0.1, 0.2) / 2)
    assert found.high == pytest.approx(0.7 + math.hypot(0.2, 0.1) / 2)


def test_people_who_sat_at_all_games_make_the_games_depend_on_each_other() -> None:
    games = [[pair(0.6, 0.5, 0.8)], [pair(0.8, 0.6, 0.9)]]
    [found] = over_games(games, ["ann", "bob"])
    assert (found.low, found.high) == pytest.approx((0.55, 0.85))
    assert over_games(games, ["ann", "one"]) == over_games(games)  # one other person: it is about play with them


def test_a_pair_that_did_not_play_a_game_is_left_out() -> None:
    assert not over_games([[pair(0.6, 0.5, 0.8)], [pair(0.6, 0.5, 0.8, "three")]])


def test_the_interval_covers_the_truth() -> None:
    """Equals do better than each other in half of the blocks."""
    covered = []
    for seed in range(150):
        outcomes = league((0.0, 0.0, 0.4), 12, games=3, seed=seed)
        games = [differences(outcomes.of_game(index), Resampler(0, 20)) for index in range(3)]
        equal = over_games(games)[0]
        covered.append(equal.low <= 0.5 <= equal.high)
    assert np.mean(covered) > 0.91
