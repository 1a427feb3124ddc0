"""With people of whom each suits one operator more than another, intervals still hold in 95%: they are over people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arena.analysis.designs import p_value, seat_effect
from arena.analysis.differences import differences, scores
from arena.analysis.middle import blocks_of, interquartile_mean
from arena.analysis.outcomes import Outcomes
from arena.analysis.pairs import pairs
from arena.analysis.ratings import comparisons, fit, interval, rate
from arena.analysis.resample import Resampler
from arena.analysis.summary import analyse
from arena.evaluate.intervals import student_quantile
from arena.evaluate.until import Differences
from arena.plan import MatchPlan, MatchResult, Setting
from scripts.eval.leagues import league
from tests.analysis.kit import margins

NOBODY: frozenset[int] = frozenset()


def against_people(models: tuple[float, ...], people: int, blocks: int, seed: int, **how: float) -> Outcomes:
    """Each model meets each person in games of two."""
    lineups = [(model, len(models) + person) for model in range(len(models)) for person in range(people)]
    strengths = (*models, *[0.0] * people)
    return league(strengths, blocks, seed=seed, lineups=lineups, people=people, **{"manner": 0.7} | how)


def with_people(people: int, blocks: int, seed: int) -> Outcomes:
    """Two equal models meet, with one person at a time in the third seat."""
    lineups = [(0, 1, 2 + person) for person in range(people)]
    return margins(np.zeros(2 + people), blocks, seed=seed, seats=3, lineups=lineups, people=people, manner=1.0)


def test_intervals_of_ratings_hold() -> None:
    held, naive = [], []
    for seed in range(50):
        found = against_people((0.0, 0.0), 6, 6, seed)
        for outcomes, into in ((found, held), (replace(found, people=NOBODY), naive)):
            fitted = fit(comparisons(outcomes), Resampler(seed, 300), zero=0)
            low, high = interval(fitted.strengths[1], fitted.draws[:, 1], fitted.blocks[1]) or (0.0, 0.0)
            into.append(low <= 0 <= high)
    assert np.mean(held) >= 0.9
    assert np.mean(naive) <= 0.88


def test_a_rating_rests_on_as_many_people_as_met_the_operator_and_a_persons_own_on_their_blocks() -> None:
    found = against_people((0.0, 0.0), 5, 8, 1)
    fitted = rate(found, Resampler(0, 100), zero=0)
    assert fitted.blocks[1] < 8
    assert (fitted.blocks[2:] > 16).all()
    plain = fit(comparisons(replace(found, people=NOBODY)), Resampler(0, 100), zero=0)
    assert fitted.strengths == pytest.approx(plain.strengths)  # what is estimated is the same


def test_a_person_has_one_weight_at_all_games() -> None:
    found = comparisons(against_people((0.0, 0.0), 5, 8, 1))
    one, two = (fit(found, Resampler(0, 200), stream, zero=0).draws[:, 1] for stream in (100, 101))
    assert np.corrcoef(one, two)[0, 1] > 0.9


def test_intervals_of_interquartile_means_hold() -> None:
    ends = (-1.0, 1.0)
    true = interquartile_mean([blocks_of(against_people((*ends, 0.0), 1000, 2, 10_000, manner=1.0))], 2, 0, 1)
    assert true is not None
    held, naive = [], []
    for seed in range(200):
        found = against_people((*ends, 0.0), 8, 10, seed, manner=1.0)
        for outcomes, into in ((found, held), (replace(found, people=NOBODY), naive)):
            middle = interquartile_mean([blocks_of(outcomes)], 2, 0, 1)
            if middle is not None and middle[1] is not None and middle[2] is not None:
                into.append(middle[1] <= true[0] <= middle[2])
    assert len(held) > 150  # the others say nothing: the ends of the scale may be equal
    assert np.mean(held) >= 0.91
    assert np.mean(naive) <= 0.85


def test_an_audit_calls_equal_operators_different_as_seldom_as_it_should() -> None:
    clustered = by_block = 0
    for seed in range(60):
        found = with_people(12, 6, seed)
        by_person = pairs(found)
        assert by_person.blocks[0] == 12
        clustered += p_value(by_person, 0) < 0.05
        by_block += p_value(pairs(replace(found, people=NOBODY)), 0) < 0.05
    assert clustered <= 8  # 5% are 3
    assert by_block >= 12


def test_seats_are_tested_over_people() -> None:
    found = seat_effect(with_people(12, 6, 1))
    assert found is not None
    assert found.blocks == 12


def test_the_chance_of_doing_better_is_over_people_too() -> None:
    found = with_people(12, 6, 3)
    clustered, alone = (differences(one, Resampler(0))[0] for one in (found, replace(found, people=NOBODY)))
    assert clustered.better == alone.better
    assert clustered.better_high - clustered.better_low > alone.better_high - alone.better_low  # type: ignore[operator]


def test_unresolved_matches_with_people_are_left_out() -> None:
    found = league(np.zeros(5), seats=3, lineups=[(0, 1, 2), (0, 1, 3), (0, 1, 4)], people=3, unresolved=0.3, seed=1)
    assert [one.blocks for one in scores(found)[:2] if one is not None] == [3, 3]
    assert analyse(found).games[0].differences[0].blocks == 3


def ever_missed(people: frozenset[int], seed: int) -> bool:
    """Two that are equal over all people, but not with the six who came; looked at after each of 100 rounds."""
    chance = np.random.default_rng(seed)
    heard = Differences(Setting(8, (3,), False, ((-1.0, 1.0),), people))
    likes = 0.5 + 0.4 * chance.choice([-1, 1], 6)
    for _ in range(100):
        for person in range(6):
            won = 1.0 if chance.random() < likes[person] else -1.0
            plan = MatchPlan(index=0, game=0, block=0, seed=b"", lineup=(0, 1, 2 + person))
            heard.hear([MatchResult(plan, "terminated", (won, -won, 0.0))])
        heard.end_round()
        low, high = heard.intervals[0, 0, 1]
        if not low <= 0 <= high:
            return True
    return False


def test_the_interval_that_stops_a_run_holds_at_every_look() -> None:
    runs = range(60)
    assert sum(ever_missed(frozenset(range(2, 8)), seed) for seed in runs) <= 6
    assert sum(ever_missed(NOBODY, seed) for seed in runs) >= 15


def test_quantiles_of_students_t() -> None:
    from scipy import stats

    for tail, freedom in ((0.025, 1), (0.025, 5), (0.05, 40)):
        assert student_quantile(tail, freedom) == pytest.approx(stats.t.isf(tail / 2, freedom))
