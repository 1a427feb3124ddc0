"""Intervals where people sat: whoever plays well does so in all of their matches."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from arena.analysis.differences import differences, scores
from arena.analysis.outcomes import Outcomes
from arena.analysis.resample import Resampler
from arena.evaluate.clusters import ClusteredMean, joined
from tests.analysis.kit import margins

ALONE: frozenset[str] = frozenset()


def one(*names: str) -> frozenset[str]:
    return frozenset(names)


def test_people_who_sit_together_are_one_cluster() -> None:
    assert sorted(map(sorted, joined([one("a", "b"), one("c"), one("d", "b"), one("e")]))) == [
        ["a", "b", "d"], ["c"], ["e"]
    ]  # fmt: skip


def test_without_people_or_with_one_the_interval_is_over_blocks() -> None:
    plain, with_one = ClusteredMean(), ClusteredMean()
    for number, value in enumerate((1.0, 3.0, 2.0, 5.0)):
        plain.add(1, value, ALONE)
        with_one.add(1, value, one("a") if number % 2 else ALONE)
    assert with_one.people == 0
    assert plain.interval == with_one.interval == plain.all.interval


def test_people_count_as_one_block_each() -> None:
    by_people, by_hand = ClusteredMean(), ClusteredMean()
    for person, values in {"a": (1.0, 2.0), "b": (4.0, 5.0, 6.0), "c": (2.0,)}.items():
        for value in values:
            by_people.add(1, value, one(person))
        by_hand.add(len(values), sum(values), ALONE)
    assert by_people.people == 3
    assert by_people.interval == pytest.approx(by_hand.interval)


def league_with(rng: np.random.Generator, people: int, blocks: int) -> Outcomes:
    """Two models meet each person in games of three; they are equally strong, but not against the same person."""
    lineups = [(0, 1, 2 + person) for person in range(people)]
    return margins(
        np.zeros(2 + people), blocks, seed=rng, seats=3, lineups=lineups, mirror=False, luck=0.0, people=people,
        manner=1.0,
    )  # fmt: skip


def test_a_difference_is_called_one_as_seldom_as_it_should_where_people_differ() -> None:
    rng = np.random.default_rng(4)
    clustered = by_block = 0
    for _ in range(50):
        league = league_with(rng, people=12, blocks=10)
        pair = differences(league, Resampler(0, 200))[0]
        assert (pair.one, pair.other, pair.blocks) == ("op0", "op1", 12)
        clustered += pair.p is not None and pair.p < 0.05
        [naive, *_] = differences(dataclasses.replace(league, people=frozenset()), Resampler(0, 200))
        by_block += naive.p is not None and naive.p < 0.05
    assert clustered <= 7  # 5% are 2.5
    assert by_block >= 14  # the same matches, with people left out of account


def test_what_is_about_a_person_is_over_their_blocks() -> None:
    league = league_with(np.random.default_rng(1), people=3, blocks=5)
    found = {(pair.one, pair.other): pair for pair in differences(league, Resampler(0))}
    assert found["op0", "op2"].blocks == 5
    assert [one.blocks for one in scores(league) if one is not None] == [3, 3, 5, 5, 5]
