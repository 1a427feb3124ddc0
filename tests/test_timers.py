"""Timers and Upcoming: what is due next and what is played next, without keeping what is over."""

from __future__ import annotations

from dataclasses import dataclass

from arena.plan import MatchPlan
from arena.timers import Timers
from arena.upcoming import Upcoming
from tests.toys import Listed


@dataclass(eq=False)
class Thing:
    due: float | None = None


def test_what_falls_due_comes_in_order_and_once() -> None:
    timers, things = Timers(lambda: 5.0), [Thing() for _ in range(4)]
    for thing, due in zip(things, (3.0, 1.0, 2.0, 9.0), strict=True):
        timers.set(thing, due)
    timers.set(things[1], 2.5)  # moved
    timers.clear(things[0])
    assert timers.next == 2.0
    assert timers.take() == [things[2], things[1]]
    assert timers.take() == []
    assert timers.next == 9.0


def test_what_was_cleared_is_not_kept() -> None:
    timers, waits = Timers(lambda: 5.0), Thing()
    timers.set(waits, 1.0)  # the first to fall due, and it never leaves
    for n in range(10_000):
        thing = Thing()
        timers.set(thing, 2.0 + n)
        timers.clear(thing)
    assert len(timers._heap) < 100


def plans(count: int) -> list[MatchPlan]:
    return [MatchPlan(index, index, (0,), b"") for index in range(count)]


def taken(upcoming: Upcoming) -> list[int]:
    out = []
    while (plan := upcoming.first(idle=True)) is not None:
        upcoming.take(plan)
        out.append(plan.index)
    return out


def test_what_is_played_again_comes_after_some_others() -> None:
    upcoming = Upcoming(Listed(plans(6)), between=2)
    first = upcoming.first(idle=True)
    assert first is not None
    upcoming.take(first)
    upcoming.again(first)
    assert taken(upcoming) == [1, 2, 0, 3, 4, 5]
    assert upcoming.empty


def test_suspects_are_played_in_halves_with_nothing_beside_them() -> None:
    some = plans(5)
    upcoming = Upcoming(Listed(()), between=1)
    upcoming.take_apart(some[:3], some[3:], at_once=True)
    for expected in ([0, 1], [2], [3, 4]):
        got: list[int] = []
        while (plan := upcoming.first(idle=not got)) is not None and len(got) < len(expected):
            upcoming.take(plan)
            assert upcoming.alone(plan) is (expected == [2])
            got.append(plan.index)
        assert got == expected
    assert upcoming.empty
