"""Turns: what a seat gets is lost nowhere, and belongs to the decision that it followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.game import Game, Move, StepResult, Views
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.plugins import game_class
from arena.realtime import RealtimeMatch, match_class
from arena.session import LocalSession
from arena.turns import Episode
from tests.test_pace import Clocked
from tests.toys import Lenient, Together, Turns

GAMES = {
    "kuhn": (2, {}),
    "leduc": (2, {"hands": 2}),
    "holdem": (3, {"hands": 2}),
    "connect_four": (2, {}),
    "sidescroller": (1, {}),
    "race": (2, {}),
    "openspiel:liars_dice": (2, {}),
}


def plan_for(seats: int, seed: int = 0) -> MatchPlan:
    return MatchPlan(0, 0, tuple(range(seats)), seed.to_bytes(16, "big"))


def begun(game: Game, seed: int = 0, **limits: Any) -> Match:
    names = [f"p{seat}" for seat in range(game.seats)]
    session = LocalSession(game, [Views()] * game.seats)
    match = match_class(made := Limits(**limits))(plan_for(game.seats, seed), session, names, made, turns=True)
    match.start()
    return match


def played(match: Match, *answers: Any) -> Episode:
    """To the end: the answers in the order in which they are asked for, then the first legal action."""
    left = list(answers)
    while match.outcome is None:
        for request in match.requests():
            match.feed(request.seat, Decision(answer=left.pop(0) if left else request.observation.legal[0]))
        if match.ready:
            match.advance()
    return match.episode()


def totals(one: Episode) -> list[float]:
    out = list(one.before)
    for turn in one.turns:
        out[turn.request.seat] += turn.reward
    return out


class Paid(Turns):
    """Everybody is paid at every tick, the seat's own number beside: also before it has acted."""

    spec = msgspec.structs.replace(Turns.spec, id="paid")

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        result = super().step(moves)
        rewards = [reward + 10.0 for reward in result.rewards]
        returns = [10.0 * len(self.said) + total for total in self.sums()]
        if result.ended == "none":
            return StepResult.going(result.due, rewards, result.state_hash)
        return StepResult.terminated(rewards, returns, result.state_hash)


def rewards(one: Episode, seat: int) -> list[float]:
    return [turn.reward for turn in one.turns if turn.request.seat == seat]


def test_a_turn_is_paid_until_its_seat_is_asked_again() -> None:
    one = played(begun(Paid(2, {"rounds": 2})), 2, 1, 1, 1)
    assert rewards(one, 0) == [22.0, 21.0]  # its own tick and the other's
    assert one.before == (0.0, 10.0)  # seat 1 is paid before it is asked
    assert rewards(one, 1) == [21.0, 11.0]
    assert totals(one) == list(one.returns)


def test_the_last_turn_of_every_seat_ends_the_match() -> None:
    one = played(begun(Turns(2, {"rounds": 2})))
    assert [(turn.request.seat, turn.ended) for turn in one.turns] == [
        (0, "none"),
        (1, "none"),
        (0, "terminated"),
        (1, "terminated"),
    ]


def test_a_match_that_is_cut_is_truncated_and_not_over() -> None:
    one = played(begun(Turns(2, {"rounds": 9}), max_ticks=3))
    assert [turn.ended for turn in one.turns] == ["none", "truncated", "truncated"]
    assert one.status == "truncated"


def test_a_forfeit_ends_every_seats_turn() -> None:
    one = played(begun(Turns(2, {"rounds": 2})), 1, "rubbish")
    assert [(turn.move, turn.fault, turn.asked_again, turn.ended) for turn in one.turns] == [
        (Move(1), None, False, "terminated"),
        (None, "unparsable", False, "terminated"),
    ]


def test_a_default_action_is_the_move_of_a_fault() -> None:
    one = played(begun(Lenient(2, {"rounds": 1})), 9, 1)
    assert [(turn.move, turn.fault) for turn in one.turns] == [(Move(0), "unparsable"), (Move(1), None)]


def test_an_answer_that_was_refused_is_a_turn_without_move_or_reward() -> None:
    one = played(begun(Paid(2, {"rounds": 1}), max_reasks=2), "x", "y", 2, 1)
    first = [turn for turn in one.turns if turn.request.seat == 0]
    assert [(t.request.attempt, t.move, t.fault, t.asked_again, t.reward, t.ended) for t in first] == [
        (0, None, "unparsable", True, 0.0, "none"),
        (1, None, "unparsable", True, 0.0, "none"),
        (2, Move(2), None, False, 22.0, "terminated"),
    ]
    assert first[1].request.reason is not None


def test_what_seats_do_at_once_is_in_the_order_of_seats() -> None:
    match = begun(Together(3, {"rounds": 1}))
    for request in reversed(match.requests()):
        match.feed(request.seat, Decision(answer=request.seat % 2))
    match.advance()
    assert [turn.request.seat for turn in match.episode().turns] == [0, 1, 2]


def test_turns_can_be_had_as_they_are_completed() -> None:
    match = begun(Turns(2, {"rounds": 2}))
    seen = []
    while match.outcome is None:
        for request in match.requests():
            match.feed(request.seat, Decision(answer=1))
        match.advance()
        assert match.ledger is not None
        seen.append([(turn.request.tick, turn.reward) for turn in match.ledger.take()])
    assert seen == [[], [(0, 1.0)], [(1, 1.0)], [(2, 1.0), (3, 1.0)]]


# --- realtime --------------------------------------------------------------------------------------------------------


class PaidClocked(Clocked):
    """Everybody is paid 1, 2, 4, ... at the ticks."""

    spec = msgspec.structs.replace(Clocked.spec, id="paid_clocked")

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        result = super().step(moves)
        tick = len(self.said) // self.seats - 1
        rewards = [2.0**tick] * self.seats
        if result.ended == "none":
            return StepResult.going(result.due, rewards, result.state_hash)
        returns = [2.0 ** (tick + 1) - 1] * self.seats
        return StepResult.terminated(rewards, returns, result.state_hash)


def realtime(ticks: int, answers: Mapping[int, int | None]) -> Episode:
    """Seat 0 answers at once, seat 1 at the ticks in `answers`; else it is late."""
    match = begun(PaidClocked(2, {"rounds": ticks}), pace="realtime")
    for tick in range(ticks):
        match.requests()
        match.feed(0, Decision(answer=0))
        if (answer := answers.get(tick)) is None:
            assert isinstance(match, RealtimeMatch)
            assert match.late(1)
        else:
            match.feed(1, Decision(answer=answer))
        match.advance()
    return match.episode()


def test_a_held_tick_belongs_to_the_turn_that_is_thought_about() -> None:
    """A turn begins when it is asked: a value of what is seen then covers all that comes after."""
    one = realtime(4, {0: 1, 2: 0, 3: 1})
    assert [(turn.request.tick, turn.reward) for turn in one.turns if turn.request.seat == 1] == [
        (0, 1.0),
        (1, 2.0 + 4.0),
        (3, 8.0),
    ]


def test_a_refused_answer_leaves_its_rewards_to_the_next_attempt() -> None:
    match = begun(PaidClocked(2, {"rounds": 4}), pace="realtime", max_reasks=1)
    assert isinstance(match, RealtimeMatch)
    for answers in ([1], [], ["rubbish"], [0]):
        match.requests()
        match.feed(0, Decision(answer=0))
        for answer in answers:
            match.feed(1, Decision(answer=answer))
        assert answers in ([1], [0]) or match.late(1)
        match.advance()
    turns = [turn for turn in match.episode().turns if turn.request.seat == 1]
    assert [(t.request.tick, t.request.attempt, t.asked_again, t.reward) for t in turns] == [
        (0, 0, False, 1.0),
        (1, 0, True, 0.0),
        (1, 1, False, 2.0 + 4.0 + 8.0),
    ]


def test_a_question_that_is_never_answered_is_no_turn_and_loses_nothing() -> None:
    one = realtime(4, {0: 1})
    (only,) = [turn for turn in one.turns if turn.request.seat == 1]
    assert (only.request.tick, only.reward, only.ended) == (0, 15.0, "terminated")


def test_a_seat_that_never_answers_has_no_turn_and_its_rewards_are_stated() -> None:
    one = realtime(3, {})
    assert [turn.request.seat for turn in one.turns] == [0, 0, 0]
    assert one.before == (0.0, 7.0)


# --- the shipped games -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(GAMES))
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_the_rewards_of_turns_and_what_came_before_are_the_return(name: str, data: st.DataObject) -> None:
    seats, options = GAMES[name]
    seed = data.draw(st.integers(0, 2**32), "seed")
    limits = {"max_reasks": data.draw(st.integers(0, 1), "max_reasks"), "max_ticks": 60}
    game = game_class(name)(seats, options)
    match = begun(game, seed=seed, **limits)
    while match.outcome is None:
        for request in match.requests():
            answers = [*request.observation.legal] * 4 + ["rubbish"] * data.draw(st.booleans(), "may fail")
            match.feed(request.seat, Decision(answer=data.draw(st.sampled_from(answers), "answer")))
        if match.ready:
            match.advance()
    one = match.episode()
    assert totals(one) == pytest.approx(list(one.returns), abs=1e-6)
    last = {turn.request.seat: turn.ended for turn in one.turns}
    assert set(last.values()) <= {"truncated" if one.status == "truncated" else "terminated"}
    assert sum(turn.ended != "none" for turn in one.turns) == len(last)
