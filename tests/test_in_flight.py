"""A worker is sent as many questions at once as it takes; the others wait in the arena, in plan order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from arena.channel import Event
from arena.errors import ProtocolError
from arena.operator import Decision, Operator
from arena.plan import Plan
from arena.protocol import messages as m
from arena.protocol.connection_state import ConnectionState
from tests.host_kit import Peer
from tests.toys import GOOD, Together, Turns, kind_of, plan_of, with_game
from tests.workers_kit import FakeChannel, FakeWorkers, Play, reply, sent

LIMITS = (1, 2, 5)


def one_worker(limit: int, matches: int = 12, game: type[Turns] = Together, **limits: Any) -> Plan:
    """Both seats of every match on one worker that takes so many questions."""
    todo = plan_of(game, [dataclasses.replace(GOOD, max_in_flight=limit)] * 2, matches=matches, **limits)
    return with_game(todo, operators=tuple(dataclasses.replace(entry, what="") for entry in todo.pool))


class Most:
    """Answers the oldest question, one at a time, and counts how many were open."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, workers: FakeWorkers) -> list[Event]:
        (channel,) = workers.channels
        self.seen.append(len(channel.owed))
        oldest = channel.owed[min(channel.owed)]
        return [
            channel.action(reply(oldest, cancelled=True) if oldest.id in channel.cancelled else channel.good(oldest))
        ]


@pytest.mark.parametrize("limit", LIMITS)
def test_a_worker_never_has_more_questions_than_it_takes_and_as_many_while_others_wait(
    play: Callable[..., Play], limit: int
) -> None:
    most = Most()
    play(one_worker(limit, options={"rounds": 1}), most, concurrency=12)
    assert most.seen == [limit] * (24 - limit) + [*range(limit, 0, -1)]


@pytest.mark.parametrize("concurrency", [1, 3, 12])
@pytest.mark.parametrize("limit", LIMITS)
def test_the_log_depends_on_neither_the_limit_nor_the_concurrency(
    play: Callable[..., Play], limit: int, concurrency: int
) -> None:
    assert play(one_worker(limit), Most(), concurrency=concurrency).log == play(one_worker(0)).log


def test_questions_wait_in_plan_order(play: Callable[..., Play]) -> None:
    """The last match of those in play is asked last, in whatever order the answers come."""

    def newest_first(workers: FakeWorkers) -> list[Event]:
        (channel,) = workers.channels
        return [channel.action(channel.good(channel.owed[max(channel.owed)]))]

    run = play(one_worker(1, matches=4), newest_first, concurrency=4)
    asked = [
        (item.match, item.tick, item.seat) for act in sent(run.workers.channels[0], m.Act) for item in act.requests
    ]
    assert asked == sorted(asked)


def test_a_deadline_counts_from_dispatch(play: Callable[..., Play]) -> None:
    """The queue takes far longer than the deadline."""

    def slow(workers: FakeWorkers) -> list[Event]:
        workers.clock.now += 20.0
        return Most()(workers)

    run = play(one_worker(1, deadline=30.0), slow, concurrency=12)
    assert run.clock.now > 400.0
    assert not run.timing("void")


def test_a_question_in_the_queue_vanishes_with_its_match(play: Callable[..., Play]) -> None:
    """Nobody else is asked, and no CANCEL is sent for it."""
    state = {"done": False}

    def script(workers: FakeWorkers) -> list[Event]:
        one, other = workers.channels
        if not state["done"] and len(other.owed) == 1:
            state["done"] = True
            return [one.death("was killed by SIGKILL", self_inflicted=False)]
        return workers.pay()

    kinds = [GOOD, dataclasses.replace(GOOD, name="slow", max_in_flight=1)]
    todo = plan_of(Together, kinds, matches=6)
    run = play(todo, script, concurrency=6)
    other = run.workers.channels[1]
    assert other.cancelled == [next(act.requests[0].id for act in sent(other, m.Act))]
    assert run.log == play(plan_of(Together, [GOOD, GOOD], matches=6)).log.replace(b"good1", b"slow1")


def test_seats_that_fail_in_one_tick_are_both_known_although_one_of_them_had_to_wait(play: Callable[..., Play]) -> None:
    """Else it would be chance which of them failed in every try."""

    def script(workers: FakeWorkers) -> list[Event]:
        out: list[Event] = []
        for channel in workers.channels:
            item = next(iter(channel.owed.values()), None)
            if item is not None and item.match == 2:
                out.append(channel.action(reply(item, error="backend", detail="down")))
            elif item is not None:
                out.append(channel.action(channel.good(item)))
        return out

    kinds = [GOOD, dataclasses.replace(GOOD, name="slow", max_in_flight=1)]
    run = play(plan_of(Together, kinds, matches=6), script, concurrency=6)
    faults = [(turn["seat"], turn["fault"]) for turn in run.lines("turn") if "fault" in turn]
    assert faults == [(0, "backend"), (1, "backend")]


def test_a_persons_worker_that_does_not_confirm_a_cancel_is_replaced(play: Callable[..., Play]) -> None:
    """One screen shows one question: the next one would wait for ever."""
    person = dataclasses.replace(GOOD, name="person", interactive=True, max_in_flight=1)

    def script(workers: FakeWorkers) -> list[Event]:
        one, other = workers.channels
        if one.owed and other is workers.started[1]:
            return [other.death("was killed by SIGKILL", self_inflicted=False)]
        return other.pay() if one is workers.started[0] else workers.pay()

    run = play(plan_of(Together, [person, GOOD], matches=2), script, concurrency=1)
    assert [why for _, why in run.workers.killed] == ["did not confirm a CANCEL in time: it hangs"]
    assert [end["status"] for end in run.lines("end")] == ["terminated", "terminated"]


# --- who says how many ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "worker", "both"), [(0, 0, 0), (4, 0, 4), (0, 4, 4), (4, 9, 4), (9, 4, 4)])
def test_the_lower_of_what_kind_and_worker_say_counts(kind: int, worker: int, both: int) -> None:
    channel = FakeChannel("x", "s")
    channel.limit(kind)
    channel.limit(worker)
    assert channel.max_in_flight == both


def test_a_kind_may_say_it_by_its_options() -> None:
    kind = kind_of("x", "tests.toys:build", max_in_flight=lambda what, options: len(what))
    assert plan_of(Turns, [kind]).pool[0].max_in_flight == len("slot0")


def test_an_operator_says_it_when_it_is_ready() -> None:
    class Two(Operator):
        max_in_flight = 2

        def act(self, requests: object) -> list[Decision]:
            raise AssertionError

    assert Peer(Two()).out == [m.Status(state="ready", max_in_flight=2)]


def test_a_number_below_zero_breaks_the_protocol() -> None:
    with pytest.raises(ProtocolError, match="takes -1 requests at once"):
        ConnectionState().received(m.Status(state="ready", max_in_flight=-1), "s")
