"""The interquartile mean over games, and its interval."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from arena.analysis.middle import Blocks, blocks_of, interquartile_mean
from scripts.eval import truths
from scripts.eval.leagues import league

Floats = npt.NDArray[np.float64]


def one_lineup(means: Floats, sizes: Floats | None = None) -> Blocks:
    """Blocks of `random`, of the operator, and of `scripted`."""
    count = len(means)
    return Blocks(
        means, np.ones(means.shape) if sizes is None else sizes, np.zeros(count, np.int64), 3 + np.arange(count)
    )


def test_an_uncertain_scale_is_missed_as_often_on_either_side() -> None:
    """The mean is a ratio: taken as linear, all of its misses are on one side."""
    chance = np.random.default_rng(0)
    below, above = [], []
    for _ in range(600):
        means = chance.normal(size=(30, 3)) * (1, 0, 1) + (0, 3, 1.2)
        found = interquartile_mean([one_lineup(means)], 1, 0, 2)
        if found is not None and found[1] is not None and found[2] is not None:
            below.append(found[1] > 3 / 1.2)
            above.append(found[2] < 3 / 1.2)
    assert 0.01 <= np.mean(below) <= 0.05
    assert 0.01 <= np.mean(above) <= 0.05


def test_quartiles_that_fall_between_two_scores_leave_an_interval_that_holds() -> None:
    """A quarter loses and a quarter wins: by the one quartile that was seen, all scores may count alike."""
    chance = np.random.default_rng(0)
    held = []
    for _ in range(300):
        scores = chance.choice([-1.0, 0.0, 1.0], 100, p=[0.25, 0.5, 0.25])
        _, low, high = interquartile_mean([one_lineup(np.stack([0 * scores - 1, scores, 0 * scores + 1], 1))], 1, 0, 2)
        assert low is not None
        assert high is not None
        held.append(low <= 0.5 <= high)
    assert 0.93 <= np.mean(held) <= 0.995


def test_a_scale_whose_ends_are_not_surely_apart_gives_no_interval() -> None:
    means = np.array([[-1.0, 0.0, 1.0], [1.0, 0.5, -0.5], [-0.5, 0.2, 1.0], [0.5, 0.1, -0.5]])
    found = interquartile_mean([one_lineup(means)], 1, 0, 2)
    assert found is not None
    assert np.isfinite(found[0])
    assert found[1:] == (None, None)


def test_a_block_counts_by_its_matches() -> None:
    means = np.random.default_rng(0).normal((-2, 0, 2), size=(12, 3))
    twice = np.where(np.arange(12) < 4, 2.0, 1.0)[:, None].repeat(3, axis=1)
    weighted = interquartile_mean([one_lineup(means, twice)], 1, 0, 2)
    repeated = interquartile_mean([one_lineup(np.concatenate([means, means[:4]]))], 1, 0, 2)
    assert weighted is not None
    assert repeated is not None
    assert weighted[0] == pytest.approx(repeated[0])


def test_the_true_mean_of_a_simulated_league_is_that_of_a_large_one() -> None:
    strengths, noise = (0.6, 0.2, 0.0, 0.0, -0.4), (0.3, 1.0, 1.0, 1.0, 3.0)
    found = interquartile_mean([blocks_of(league(strengths, 10_000, seed=3, noise=noise))], 2, 4, 0)
    assert found is not None
    assert found[1] is not None
    assert found[2] is not None
    error = (found[2] - found[1]) / 4
    assert truths.middle(strengths, 2, 4, 0, noise=noise) == pytest.approx(found[0], abs=4 * error)
