"""A game with a spy: what clues and votes earn, and when which of them is trained."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.train.vlm.spy import clue_rewards, vote_rewards
from arena.train.vlm.stages import Stage, StageSwitcher, only
from tests.train.vlm.batches import row


@given(st.integers(2, 8), st.data())
def test_the_rewards_of_clues_sum_to_zero(players: int, data: st.DataObject) -> None:
    spy = data.draw(st.integers(0, players - 1))
    votes = data.draw(st.lists(st.one_of(st.none(), st.integers(0, players - 1)), max_size=12))
    beta, lam = data.draw(st.floats(0, 5)), data.draw(st.floats(0, 5))
    assert abs(clue_rewards(votes, spy, players, beta, lam).sum()) < 1e-9


def test_the_rewards_of_clues_are_those_of_the_paper() -> None:
    rewards = clue_rewards([4, 4, 4, 0], spy=4, players=5)  # three of four found the spy, one suspects seat 0
    suspected = 0.25
    common = 0.1 / 4 * (3 - suspected)
    others = common + 0.1 * suspected
    assert np.allclose(rewards, [common - 0.1 * (1 - suspected), others, others, others, -0.1 * (3 - suspected)])


def test_the_rewards_of_votes() -> None:
    assert vote_rewards([2, None, 1], spy=2).tolist() == [1, -0.5, -1]


@pytest.mark.parametrize(("votes", "spy"), [([5], 0), ([-1], 0), ([0], 5)])
def test_a_seat_that_there_is_not_is_refused(votes: list[int], spy: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        clue_rewards(votes, spy, players=5)


def trace(switcher: StageSwitcher, updates: list[tuple[float, float]]) -> list[int]:
    """After how many updates, in all, the stage changed."""
    changes = []
    for number, heard in enumerate(updates, 1):
        after = switcher.step(*heard)
        if after.stage != switcher.stage:
            changes.append(number)
        switcher = after
    return changes


GOOD, BAD, SILENT = (1.0, 0.0), (0.2, 0.0), (0.95, 0.9)


def test_votes_that_are_right_hand_over_after_five_updates_not_forty_five() -> None:
    assert trace(StageSwitcher(), [GOOD] * 6) == [5]


def test_votes_that_are_wrong_are_trained_for_twenty_updates() -> None:
    assert trace(StageSwitcher(), [BAD] * 24) == [20]


def test_right_votes_that_are_often_left_out_do_not_hand_over() -> None:
    assert trace(StageSwitcher(), [SILENT] * 20) == [20]


@pytest.mark.parametrize("worse", [BAD, SILENT])
def test_clues_hand_back_when_voters_fail_or_are_silent(worse: tuple[float, float]) -> None:
    (first, second) = trace(StageSwitcher(), [GOOD] * 5 + [worse] * 20)
    assert first == 5
    assert 10 <= second < 25  # before the bound of twenty


def test_clues_that_voters_stand_are_trained_for_twenty_updates() -> None:
    assert trace(StageSwitcher(), [GOOD] * 30) == [5, 25, 30]


def test_fixed_alternation_hears_nothing() -> None:
    switcher = StageSwitcher(alternation="fixed", least=1)
    assert trace(switcher, [GOOD, BAD, SILENT, BAD]) == [1, 2, 3, 4]


def test_a_switcher_goes_on_from_its_json() -> None:
    one = StageSwitcher().step(*GOOD).step(*BAD)
    assert StageSwitcher(**asdict(one)).step(*GOOD) == one.step(*GOOD)


def test_shares_are_shares() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        StageSwitcher().step(45, 0)


def test_rows_of_the_other_stage_are_not_learnt_from() -> None:
    rows = [row(state={"stage": "clues"}), row(state={"stage": "votes"})]

    def of(one: object) -> Stage:
        return one.state["stage"]  # type: ignore[attr-defined,no-any-return]

    assert [one.trainable for one in only(rows, "votes", of)] == [False, True]
