"""The synchronous driver: a match in this process is the match that the scheduler would play."""

from __future__ import annotations

import pytest

from arena.errors import GameError
from arena.game import StepResult, Views
from arena.session import LocalSession
from arena.sync import SyncMatch
from tests.train.toy import Toy

VIEWS = Views(text=True)
SEED = bytes(16)


def begun(game=Toy, seats=2):
    return SyncMatch(LocalSession(game(seats), [VIEWS] * seats), seats, SEED)


def test_it_goes_on_when_all_who_are_waited_for_have_answered():
    match = begun()
    asked = []
    while not match.over:
        (seat,) = match.waiting
        asked.append(seat)
        match.answer(seat, 0)
    assert asked == [0, 1, 0, 1]
    assert match.result.ended == "terminated"


def test_it_shows_the_agreed_views_and_others_on_request():
    match = begun()
    assert match.waiting[0].text.startswith("card ")
    assert match.waiting[0].vector is None
    assert match.look(1, Views(vector=True)).vector is not None


def test_rewards_are_handed_over_once_and_add_up_to_the_return():
    match = begun()
    sums = [0.0, 0.0]
    while not match.over:
        (seat,) = match.waiting
        match.answer(seat, 1)
        sums[seat] += match.take_reward(seat)
        assert match.take_reward(seat) == 0
    assert [total + match.take_reward(seat) for seat, total in enumerate(sums)] == pytest.approx(match.result.returns)


def test_a_fault_costs_what_it_costs_in_a_match_and_is_told_once():
    match = begun()
    match.answer(0, 0)
    match.answer(1, 0)
    match.answer(0, 2)
    assert match.over
    assert match.match.outcome.status == "forfeited"
    assert (match.take_fault(0), match.take_fault(0), match.take_fault(1)) == ("illegal", None, None)


def test_a_seat_that_is_not_asked_cannot_answer():
    with pytest.raises(KeyError):
        begun().answer(1, 0)


def test_a_game_that_gives_what_no_game_may_give_is_told():
    class Endless(Toy):
        def step(self, moves):
            return StepResult((), (0.0,) * self.seats, "0" * 32)

    with pytest.raises(GameError, match="nobody is due"):
        begun(Endless).answer(0, 0)
