"""Who is charged with a failure, by the books alone."""

from __future__ import annotations

from typing import Any

import pytest

from arena.plan import MatchPlan
from arena.retry import Charge, Failure, Position, RetryDecision, RetryPolicy, Void
from tests.toys import GOOD, Turns, plan_of

MATCH = MatchPlan(0, 0, (0, 1), b"0" * 16)
SWAPPED = MatchPlan(1, 0, (1, 0), b"0" * 16)
HERE, LATER = Position(3, 0), Position(4, 1)


def tries(retries: int = 2) -> RetryPolicy:
    """Two operators with a worker each."""
    return RetryPolicy(plan_of(Turns, (GOOD, GOOD), retries=retries))


def failing(kind: Any = "backend", *, place: Position = HERE, self_inflicted: bool = False) -> Failure:
    return Failure(kind, place, f"{kind} at {place}", self_inflicted)


def void(seats: dict[int, Failure] | None = None, **how: Any) -> Void:
    return Void("backend", "reason", seats or {}, **how)


def test_a_try_is_played_again_as_often_as_the_limits_say() -> None:
    books = tries(retries=2)
    said = [books.void(MATCH, void(), newest=1) for _ in range(3)]
    assert said == [RetryDecision.AGAIN, RetryDecision.AGAIN, RetryDecision.GIVE_UP]
    assert books.count(MATCH) == 3


def test_the_tries_of_each_match_are_counted_by_themselves() -> None:
    books = tries(retries=1)
    assert books.void(MATCH, void(), newest=1) is RetryDecision.AGAIN
    assert books.void(SWAPPED, void(), newest=1) is RetryDecision.AGAIN
    assert (books.count(MATCH), books.count(SWAPPED)) == (1, 1)


def test_a_match_that_is_over_is_forgotten() -> None:
    books = tries(retries=1)
    books.void(MATCH, void(), newest=1)
    books.forget(MATCH)
    books.forget(MATCH)
    assert books.count(MATCH) == 0
    assert books.void(MATCH, void(), newest=1) is RetryDecision.AGAIN


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("worker_died", "crashed"), ("deadline", "timeout"), ("backend", "crashed")],
)
def test_self_inflicted_in_every_try_is_charged_to_that_seat_alone(kind: Any, fault: str) -> None:
    books = tries()
    failure = failing(kind, self_inflicted=True)
    said = [books.void(MATCH, void({1: failure}, self_inflicted=True), newest=9) for _ in range(3)]
    assert said == [RetryDecision.AGAIN, RetryDecision.TAKE_APART, RetryDecision.CHARGE]
    assert books.charges(MATCH) == {1: Charge(HERE, fault, failure.reason)}
    assert books.charges(SWAPPED) == {}


def test_self_inflicted_in_some_tries_only_is_not_charged() -> None:
    books = tries(retries=1)
    books.void(MATCH, void({1: failing("worker_died", self_inflicted=True)}, self_inflicted=True), newest=9)
    assert books.void(MATCH, void({1: failing("worker_died")}), newest=9) is RetryDecision.CHECK
    assert books.charges(MATCH) == {}


@pytest.mark.parametrize(
    ("answered", "decided"), [(10, RetryDecision.CHARGE), (9, RetryDecision.CHECK), (1, RetryDecision.CHECK)]
)
def test_whoever_answered_in_between_fails_at_this_question(answered: int, decided: RetryDecision) -> None:
    """Question 9 was the newest when it failed first; only an answer after that counts."""
    books = tries(retries=1)
    books.void(MATCH, void({0: failing()}), newest=9)
    books.answered(MATCH, 0, answered)
    books.answered(MATCH, 0, 1)  # an older one that is late takes nothing back
    assert books.void(MATCH, void({0: failing(place=LATER)}), newest=20) is decided
    assert books.charges(MATCH) == ({0: Charge(LATER, "backend", f"backend at {LATER}")} if answered == 10 else {})


def test_an_answer_of_the_other_operator_does_not_count() -> None:
    books = tries(retries=1)
    books.void(MATCH, void({0: failing()}), newest=9)
    books.answered(MATCH, 1, 10)
    assert books.void(MATCH, void({0: failing()}), newest=20) is RetryDecision.CHECK


def test_an_answer_in_another_match_counts_for_the_operator_wherever_it_sits() -> None:
    books = tries(retries=1)
    books.void(MATCH, void({0: failing()}), newest=9)
    books.answered(SWAPPED, 1, 10)
    assert books.void(MATCH, void({0: failing()}), newest=20) is RetryDecision.CHARGE


def test_different_seats_that_fail_in_turn_are_not_charged() -> None:
    books = tries(retries=1)
    books.void(MATCH, void({0: failing(self_inflicted=True)}), newest=9)
    books.answered(MATCH, 1, 10)
    assert books.void(MATCH, void({1: failing(self_inflicted=True)}), newest=20) is RetryDecision.GIVE_UP


def test_only_the_guilty_one_of_two_that_failed_is_charged() -> None:
    books = tries(retries=1)
    both = {0: failing("deadline", self_inflicted=True), 1: failing("backend")}
    books.void(MATCH, void(both), newest=9)
    assert books.void(MATCH, void(both), newest=9) is RetryDecision.CHARGE
    assert list(books.charges(MATCH)) == [0]


def test_after_a_charge_the_match_has_all_its_tries_again_and_a_second_seat_may_be_charged() -> None:
    books = tries(retries=1)
    for seat in (0, 1):
        said = [books.void(MATCH, void({seat: failing("deadline", self_inflicted=True)}), newest=9) for _ in range(2)]
        assert said == [RetryDecision.AGAIN, RetryDecision.CHARGE]
    assert {seat: charge.fault for seat, charge in books.charges(MATCH).items()} == {0: "timeout", 1: "timeout"}
    assert books.count(MATCH) == 4


def test_without_retries_one_failure_is_not_enough_to_tell() -> None:
    books = tries(retries=0)
    assert books.void(MATCH, void({0: failing()}), newest=9) is RetryDecision.GIVE_UP
    assert books.void(SWAPPED, void({0: failing(self_inflicted=True)}), newest=9) is RetryDecision.CHARGE


def test_where_others_may_have_brought_it_about_nobody_is_charged() -> None:
    books = tries(retries=2)
    shared = void({0: failing("worker_died", self_inflicted=True)}, self_inflicted=True, shared=True)
    said = [books.void(MATCH, shared, newest=9) for _ in range(4)]
    assert said == [RetryDecision.AGAIN, RetryDecision.TAKE_APART, RetryDecision.TAKE_APART, RetryDecision.TAKE_APART]
    assert books.charges(MATCH) == {}


def test_a_shared_failure_of_nobodys_doing_is_taken_apart_when_the_tries_are_used_up() -> None:
    books = tries(retries=2)
    shared = void({0: failing()}, shared=True)
    said = [books.void(MATCH, shared, newest=9) for _ in range(3)]
    assert said == [RetryDecision.AGAIN, RetryDecision.AGAIN, RetryDecision.TAKE_APART]


def test_a_death_that_another_match_brought_about_uses_up_no_try() -> None:
    books = tries(retries=1)
    elsewhere = void({0: failing(self_inflicted=True)}, self_inflicted=True, suspect=False)
    assert {books.void(MATCH, elsewhere, newest=9) for _ in range(5)} == {RetryDecision.AGAIN}
    assert books.void(MATCH, void({0: failing(self_inflicted=True)}), newest=9) is RetryDecision.AGAIN
    assert books.count(MATCH) == 6


def test_what_was_of_nobody_here_and_what_was_of_a_seat_are_counted_apart() -> None:
    books = tries(retries=1)
    books.void(MATCH, void(), newest=9)
    assert books.void(MATCH, void({0: failing(self_inflicted=True)}), newest=9) is RetryDecision.AGAIN
    assert books.void(MATCH, void({0: failing(self_inflicted=True)}), newest=9) is RetryDecision.CHARGE
