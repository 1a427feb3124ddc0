"""Which match is played next: no match is lost, and none is played twice at a time."""

from __future__ import annotations

from arena.plan import MatchPlan
from arena.upcoming import Upcoming
from tests.toys import Listed

MOST = 20  # matches in any of these tests


def plans(count: int) -> list[MatchPlan]:
    return [MatchPlan(index, index, (0, 1), bytes(16)) for index in range(count)]


def take(upcoming: Upcoming, *, idle: bool = False) -> int | None:
    plan = upcoming.first(idle)
    if plan is None:
        return None
    assert upcoming.first(idle) is plan  # to look takes nothing
    upcoming.take(plan)
    return plan.index


def rest(upcoming: Upcoming) -> list[int | None]:
    """What is taken until nothing is left, where each is over before the next begins."""
    out = []
    for _ in range(MOST):
        if upcoming.empty:
            break
        out.append(take(upcoming, idle=True))
    return out


def test_the_schedule_is_played_in_order_and_then_nothing_is_left() -> None:
    upcoming = Upcoming(Listed(plans(3)), between=2)
    assert not upcoming.empty
    assert rest(upcoming) == [0, 1, 2]
    assert upcoming.empty
    assert upcoming.first(idle=True) is None
    assert upcoming.first(idle=False) is None


def test_a_match_is_played_again_after_as_many_others_as_was_said() -> None:
    upcoming = Upcoming(Listed(plans(6)), between=2)
    first = upcoming.first(idle=True)
    assert first is not None
    upcoming.take(first)
    upcoming.again(first)
    assert rest(upcoming) == [1, 2, 0, 3, 4, 5]


def test_where_no_others_are_left_it_is_played_again_at_once() -> None:
    every = plans(2)
    upcoming = Upcoming(Listed(every), between=9)
    assert [take(upcoming), take(upcoming)] == [0, 1]
    upcoming.again(every[1])
    upcoming.again(every[0])
    assert rest(upcoming) == [1, 0]


def test_at_once_is_before_all_others() -> None:
    every = plans(4)
    upcoming = Upcoming(Listed(every), between=0)
    assert [take(upcoming), take(upcoming)] == [0, 1]
    upcoming.again(every[0])
    upcoming.again(every[1], at_once=True)
    assert rest(upcoming) == [1, 0, 2, 3]


def test_suspects_are_halved_and_each_half_is_played_with_nothing_beside_it() -> None:
    every = plans(7)
    upcoming = Upcoming(Listed(every), between=1)
    assert [take(upcoming) for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    upcoming.take_apart(every[:5], [every[5]], at_once=True)
    assert upcoming.first(idle=False) is None  # something is in play still
    assert [take(upcoming, idle=True), take(upcoming), take(upcoming), take(upcoming)] == [0, 1, 2, None]
    assert not upcoming.empty
    assert [take(upcoming, idle=True), take(upcoming), take(upcoming)] == [3, 4, None]
    assert rest(upcoming) == [5, 6]


def test_those_that_were_held_beside_the_suspects_stay_a_group_of_their_own() -> None:
    every = plans(5)
    upcoming = Upcoming(Listed(every), between=0)
    assert [take(upcoming) for _ in range(4)] == [0, 1, 2, 3]
    upcoming.take_apart(every[:4], [], at_once=False)
    assert [take(upcoming, idle=True), take(upcoming)] == [0, 1]
    upcoming.take_apart([every[0]], [every[1]], at_once=False)
    seen = []
    for size in (2, 1, 1, 1):
        seen.append([take(upcoming, idle=True), *[take(upcoming) for _ in range(size - 1)]])
        assert seen[-1] == [4] or upcoming.first(idle=False) is None
    assert seen == [[2, 3], [0], [1], [4]]
    assert upcoming.empty


def test_others_of_the_schedule_come_again_after_some_unless_at_once() -> None:
    every = plans(5)
    upcoming = Upcoming(Listed(every), between=1)
    assert [take(upcoming), take(upcoming)] == [0, 1]
    upcoming.take_apart([every[0]], [every[1]], at_once=False)
    assert rest(upcoming) == [0, 2, 1, 3, 4]


def test_a_match_is_alone_where_it_is_a_group_of_its_own() -> None:
    every = plans(3)
    upcoming = Upcoming(Listed(every), between=0)
    assert [take(upcoming) for _ in range(3)] == [0, 1, 2]
    assert not upcoming.alone(every[0])
    upcoming.take_apart(every, [], at_once=False)
    assert [take(upcoming, idle=True), take(upcoming)] == [0, 1]
    assert not upcoming.alone(every[0])
    assert take(upcoming, idle=True) == 2
    assert upcoming.alone(every[2])
    assert not upcoming.alone(every[0])
    assert upcoming.first(idle=True) is None
    assert not upcoming.alone(every[2])
