"""Ratings, differences and ranks of leagues whose strengths are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arena.analysis.differences import differences, holm, rank_sets
from arena.analysis.middle import Blocks, blocks_of, interquartile_mean
from arena.analysis.ratings import ELO, Comparisons, comparisons, fit, interval, separated, why_not
from arena.analysis.resample import Resampler, rate_interval
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
    mine = fit(found, Resampler(0), prior=0.0).strengths
    winners = [evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X]
    given = [(str(row[0]), str(row[2]), winners[row[4]]) for row in found.cells.tolist()]
    method = evalica.newman if tie else evalica.bradley_terry
    theirs = method(*map(list, zip(*given, strict=True)), weights=list(found.total), tolerance=1e-14, limit=100_000)
    other = np.log([theirs.scores[str(who)] for who in range(pool)])
    assert np.abs(mine - (other - other.mean())).max() < 1e-6


def test_the_seats_worth_is_told_apart_from_who_sat_there():
    found = comparisons(league((0.0, 0.0, 0.0), 400, seat=(1.0,)))
    fitted = fit(found, Resampler(0))
    assert fitted.seats[0] > 0.5
    assert np.abs(fitted.strengths).max() < 0.2


def test_who_won_every_match_has_a_finite_rating_with_a_wide_interval_and_that_is_said():
    found = league((50.0, 0.0, 0.0), 5)
    assert separated(comparisons(found), found.operators) == (
        "op0 won every match against op1, op2: how far apart they are rests on the prior (half a block won, half a "
        "block lost), and has a wide interval"
    )
    first, second, _ = (one.rating for one in analyse(found).games[0].standings)
    assert first.low > second.high
    assert 1000 < first.high - first.low < 4000


def test_with_few_blocks_quantiles_are_moved_away_from_the_estimate():
    """Four blocks: Student's t of 3 degrees of freedom, and a variance of s2 / (n - 1) instead of s2 / (n + 1)."""
    draws = np.linspace(-1, 1, 1001)
    low, high = interval(0.0, draws, 4.0)
    assert high == -low == pytest.approx(0.95 * np.sqrt(5 / 3) * 3.182 / 1.959964)


def test_of_one_pair_the_rating_is_that_of_a_rate_with_half_a_block_more_on_either_side():
    """As in Jeffreys' prior; each of two operators has that prior against the mean, and they are twice as far apart."""
    cells = np.array([[0, 0, 1, 0, 2]])
    fitted = fit(Comparisons(2, 1, cells, np.ones((9, 1))), Resampler(0), zero=1)
    gap = fitted.strengths[0]
    chance = lambda odds: 1 / (1 + np.exp(-odds))  # noqa: E731
    # The slope of the likelihood is zero: nine wins, and of the prior a win of one and a loss of the other at half.
    assert 9 * (1 - chance(gap)) + 0.5 * (1 - 2 * chance(gap / 2)) == pytest.approx(0, abs=1e-6)


def test_operators_that_nothing_connects_have_no_ratings():
    found = league((0.0, 0.0, 0.0, 0.0), 5)
    pair = np.sort(found.lineup, 1)
    apart = found.where((pair == (0, 1)).all(1) | (pair == (2, 3)).all(1))
    assert why_not(comparisons(apart), apart.operators) == "no ratings: no match connects op0, op1 with op2, op3"


@pytest.mark.parametrize("blocks", [4, 8])
def test_intervals_of_ratings_hold_in_95_percent_of_leagues_of_few_blocks(blocks):
    strengths, held = (0.6, 0.2, 0.0, -0.4), []
    true = fit(comparisons(league(strengths, 4000, seed=10_000)), Resampler(0), zero=0, prior=0.0).strengths
    for seed in range(60):
        fitted = fit(comparisons(league(strengths, blocks, seed=seed)), Resampler(seed), zero=0)
        for who in (1, 2, 3):
            low, high = interval(fitted.strengths[who], fitted.draws[:, who], fitted.blocks[who])
            held.append(low <= true[who] <= high)
            assert (high - low) * ELO < 2000
    assert 0.92 <= np.mean(held) <= 0.995


def test_random_is_0_and_scripted_is_told_beside_it():
    found = replace(league((0.5, 0.0, -0.5), 20), operators=("ppo", "scripted", "random"))
    told = analyse(found)
    assert (told.anchor, told.reference) == ("random", "scripted")
    assert told.scale == f"random is 0 and scripted {told.games[0].standings[1].rating.value:+.0f}"


def test_the_scale_of_an_interquartile_mean_is_uncertain_too():
    """Of scores that do not vary, only those of `random` and `scripted`, which they are measured by, do."""
    chance = np.random.default_rng(0)
    held = []
    for _ in range(300):
        means = chance.normal(size=(30, 3)) * (1, 0, 1) + (0, 2, 4)
        blocks = Blocks(means, np.ones((30, 3)), np.zeros(30, np.int64), 3 + np.arange(30))
        middle, low, high = interquartile_mean([blocks], 1, 0, 2)
        assert low < middle < high
        held.append(low <= 0.5 <= high)
    assert 0.91 <= np.mean(held) <= 0.99


def test_with_one_block_a_line_up_an_interquartile_mean_has_no_interval():
    for blocks in (1, 2):
        played = blocks_of(league((2.0, 0.2, 0.0, -2.0), blocks))
        middle, low, high = interquartile_mean([played], 1, 3, 0)
        assert (low is None, high is None) == (blocks == 1,) * 2
        assert np.isfinite(middle)


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


def test_without_chance_a_block_that_comes_again_does_not_narrow_a_rating():
    found = league((0.0, 0.0, 0.0), 20, seeded=False)
    same = replace(found, course=np.sort(found.lineup, 1).sum(1).astype(np.uint64))
    wide, narrow = (analyse(one).games[0].standings[0].rating for one in (same, found))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


@pytest.mark.parametrize("alike", [0.0, 0.6, 1.0])
def test_intervals_of_win_rates_hold_whether_or_not_matches_of_a_block_end_alike(alike):
    """Taken as independent they hold in about 55% where all four of a block end alike."""
    chance, held = np.random.default_rng(0), []
    for _ in range(1000):
        deal, own = chance.random((25, 1)) < 0.3, chance.random((25, 4)) < 0.3
        won = np.where(chance.random((25, 4)) < alike, deal, own).sum(1).astype(float)
        low, high = rate_interval(won, np.full(25, 4.0), None)
        held.append(low <= 0.3 <= high)
    assert 0.93 <= np.mean(held) <= 0.98


def test_a_rate_of_everything_is_as_sure_as_its_blocks_and_not_as_its_matches():
    low, high = rate_interval(np.full(5, 6.0), np.full(5, 6.0), None)
    assert low < 0.57
    assert high == 1.0
