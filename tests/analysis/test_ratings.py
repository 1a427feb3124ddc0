"""Ratings, differences and ranks of leagues whose strengths are known."""

from __future__ import annotations

import numpy as np
import pytest

from arena.analysis.differences import differences, holm, rank_sets
from arena.analysis.ratings import Comparisons, comparisons, fit, why_not
from arena.analysis.resample import Resampler
from arena.analysis.summary import analyse
from scripts.eval.leagues import league

evalica = pytest.importorskip("evalica")


@pytest.mark.parametrize("tie", [0.0, 0.7])
def test_strengths_are_those_of_an_independent_implementation(tie):
    """evalica's, in Rust: without ties Bradley-Terry, with ties Newman's, whose model is Davidson's."""
    chance, pool = np.random.default_rng(3), 6
    true = chance.normal(size=pool)
    cells, counts = [], []
    for one in range(pool):
        for other in range(one + 1, pool):
            worth = np.exp([true[other], true[one]])
            chances = np.array([worth[0], tie * np.sqrt(worth.prod()), worth[1]])
            drawn = chance.multinomial(200, chances / chances.sum())
            cells += [[one, 0, other, 0, outcome] for outcome in range(3)]
            counts += drawn.tolist()
    used = np.array(counts) > 0
    found = Comparisons(pool, 1, np.array(cells)[used], np.array(counts, float)[used][None])
    mine = fit(found, Resampler(0)).strengths
    winners = [evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X]
    given = [(str(row[0]), str(row[2]), winners[row[4]]) for row in found.cells.tolist()]
    method = evalica.newman if tie else evalica.bradley_terry
    theirs = method(*map(list, zip(*given, strict=True)), weights=list(found.total), tolerance=1e-14, limit=100_000)
    other = np.log([theirs.scores[str(who)] for who in range(pool)])
    assert np.abs(mine - (other - other.mean())).max() < 1e-6


def test_the_seats_worth_is_told_apart_from_who_sat_there():
    found = comparisons(league((0.0, 0.0, 0.0), 100, seat=1.0))
    fitted = fit(found, Resampler(0))
    assert fitted.seats[0] > 0.5
    assert np.abs(fitted.strengths).max() < 0.2


def test_who_won_every_match_has_no_finite_rating_and_that_is_said():
    found = league((50.0, 0.0, 0.0), 5)
    assert why_not(comparisons(found), found.operators) == (
        "no ratings: op1 and those that it did not always lose to won nothing against op0"
    )
    assert analyse(found).games[0].standings[0].rating is None


def test_holm_corrects_for_the_number_of_pairs():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])


def test_a_set_of_ranks_holds_the_true_rank_and_narrows_with_blocks():
    strengths = (1.0, 0.5, 0.0, -0.5)
    widths = []
    for blocks in (3, 60):
        found = league(strengths, blocks, seed=1)
        sets = rank_sets(found.operators, differences(found, Resampler(0)))
        assert all(low <= at + 1 <= high for at, (low, high) in enumerate(sets.values()))
        widths.append(sum(high - low for low, high in sets.values()))
    assert widths[0] > widths[1]


def test_a_difference_is_the_mean_over_matches_in_which_both_played():
    found = league((0.5, 0.0, -0.5), 10, unresolved=0.1)
    pair = differences(found, Resampler(0))[0]
    there = found.resolved & (np.sort(found.lineup, 1) == (0, 1)).all(1)
    first = np.where(found.lineup[:, 0] == 0, found.returns[:, 0], found.returns[:, 1])
    assert pair.difference == pytest.approx(2 * first[there].mean())
    assert pair.wins.hits == int((first[there] > 0).sum())


def simulated(count, alike=False, **how):
    """Of `count` leagues: how many intervals of a difference held the truth, and how many said that two differ."""
    held, differ = [], []
    strengths = (0.4, 0.4, 0.0) if alike else (0.5, 0.1, -0.3)
    truth = differences(league(strengths, 6000, seed=10_000, **{**how, "cut": 0, "unresolved": 0.0}), Resampler(0))
    for seed in range(count):
        for pair, true in zip(
            differences(league(strengths, 25, seed=seed, **how), Resampler(seed)), truth, strict=True
        ):
            wanted = 0.0 if alike and (pair.one, pair.other) == ("op0", "op1") else true.difference
            held.append(pair.low is not None and pair.low <= wanted <= pair.high)
            if (pair.one, pair.other) == ("op0", "op1"):
                differ.append(pair.p is not None and pair.p < 0.05)
    return float(np.mean(held)), float(np.mean(differ))


@pytest.mark.parametrize(
    "how", [{}, {"noise": (0.3, 1.0, 3.0)}, {"cut": 7, "unresolved": 0.1}], ids=["plain", "unequal", "holes"]
)
def test_intervals_cover_the_truth_in_95_percent_of_leagues(how):
    held, _ = simulated(100, **how)
    assert 0.92 <= held <= 0.98


def test_a_twin_is_called_different_in_5_percent():
    _, differ = simulated(200, alike=True)
    assert 0.01 <= differ <= 0.10


def test_ratings_of_blocks_that_all_say_the_same_have_no_interval():
    """Mirrored deals that the better cards win from every seat."""
    found = league((0.0, 0.0, 0.0), 10, ties=0.0, seat=100.0)
    assert {one.rating.low for one in analyse(found).games[0].standings} == {None}
