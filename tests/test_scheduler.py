"""The scheduler against a scripted workers: whatever a worker does, the log is the log of an undisturbed run."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from arena.channel import Event, Received
from arena.errors import InputError, WorkerError
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, Outcome
from arena.protocol import messages as m
from arena.scheduler import Scheduler
from tests.toys import GOOD, Together, Turns, plan_of
from tests.workers_kit import FakeChannel, FakeWorkers, Play, once, plan, sent

# --- answers that are not answers -----------------------------------------------------------------------------------


def other(answer: m.Answer, **change: object) -> m.Answer:
    return msgspec.structs.replace(answer, **change)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c, a: c.action(other(a, id=a.id + 1000)),
        lambda c, a: c.action(other(a, match=a.match + 1)),
        lambda c, a: c.action(other(a, seat=1 - a.seat)),
        lambda c, a: c.action(other(a, tick=a.tick + 1)),
        lambda c, a: c.action(other(a, attempt=a.attempt + 1)),
        lambda c, a: c.action(a, session="of another worker"),
    ],
    ids=["id", "match", "seat", "tick", "attempt", "session"],
)
def test_an_answer_that_does_not_match_its_question_is_dropped(
    play: Callable[..., Play], spoil: Callable[[FakeChannel, m.Answer], Received]
) -> None:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        channel = workers.channels[0]
        for item in list(channel.owed.values()):
            # Applied, it would cost the match.
            bad = spoil(channel, other(channel.good(item), decision=Decision(answer="rubbish")))
            channel.owed[item.id] = item  # still owed
            return [bad]
        return None

    run = play(plan(), once(disturb))
    assert run.scheduler.dropped == 1
    assert len(run.timing("dropped")) == 1
    assert run.log == play(plan()).log


def test_an_answer_given_twice_counts_once(play: Callable[..., Play]) -> None:
    def disturb(workers: FakeWorkers) -> list[Event]:
        return [event for event in workers.pay() for _ in range(2)]

    run = play(plan(), once(disturb))
    assert run.scheduler.dropped > 0
    assert run.log == play(plan()).log


def test_an_answer_of_another_worker_is_dropped(play: Callable[..., Play]) -> None:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        first, second = workers.channels
        for item in first.owed.values():
            return [second.action(first.good(item), session=first.session)]
        return None

    run = play(plan(), once(disturb))
    assert run.scheduler.dropped == 1
    assert run.log == play(plan()).log


def test_an_answer_that_comes_after_its_worker_died_is_dropped(play: Callable[..., Play]) -> None:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        channel = workers.channels[0]
        late = channel.pay()
        return [channel.death(self_inflicted=False), *late] if late else None

    run = play(plan(), once(disturb))
    assert run.scheduler.dropped > 0
    assert run.log == play(plan()).log


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("game", [Turns, Together])
def test_the_log_does_not_depend_on_the_order_of_answers(
    play: Callable[..., Play], game: type[Turns], seed: int
) -> None:
    chance = random.Random(seed)

    def script(workers: FakeWorkers) -> list[Event]:
        owed = [(channel, item) for channel in workers.channels for item in channel.owed.values()]
        some = chance.sample(owed, chance.randint(1, len(owed)))
        return [channel.action(channel.good(item)) for channel, item in some]

    kinds = [dataclasses.replace(GOOD, max_in_flight=chance.randint(0, 3)) for _ in range(3)]
    run = play(plan_of(game, kinds, matches=8), script, concurrency=chance.randint(1, 8))
    assert run.log == play(plan_of(game, [GOOD] * 3, matches=8), concurrency=1).log


def test_one_act_carries_the_questions_of_all_matches(play: Callable[..., Play]) -> None:
    run = play(plan_of(Together, [GOOD, GOOD], matches=8), concurrency=8)
    acts = sent(run.workers.channels[0], m.Act)
    assert [len(act.requests) for act in acts] == [8, 8]


# --- workers that cannot start, or say so ---------------------------------------------------------------------------


@pytest.fixture
def slow_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every worker of a FakeWorkers starts not ready."""
    original = FakeWorkers._start

    def start(self: FakeWorkers, key: str) -> FakeChannel:
        channel = original(self, key)
        channel.ready = False
        return channel

    monkeypatch.setattr(FakeWorkers, "_start", start)


def get_ready(workers: FakeWorkers) -> list[Event]:
    out: list[Event] = []
    for channel in workers.channels:
        if not channel.ready:
            channel.ready = True
            out.append(Received(channel, m.Status(state="ready")))
    return out


@pytest.mark.usefixtures("slow_start")
def test_a_worker_that_fails_at_its_first_start_ends_the_run(play: Callable[..., Play]) -> None:
    with pytest.raises(WorkerError, match="good0 cannot start: exited with code 1"):
        play(plan(), lambda workers: [workers.channels[0].death()])


@pytest.mark.usefixtures("slow_start")
def test_a_worker_that_is_killed_while_it_starts_is_started_again(play: Callable[..., Play]) -> None:
    kills = iter(range(2))

    def script(workers: FakeWorkers) -> list[Event]:
        if not workers.channels[0].ready and next(kills, None) is not None:
            return [workers.channels[0].death("was killed by SIGKILL", self_inflicted=False)]
        return get_ready(workers) or workers.pay()

    assert len(play(plan(), script).lines("end")) == 6


@pytest.mark.usefixtures("slow_start")
def test_a_worker_that_never_comes_back_ends_the_run(play: Callable[..., Play]) -> None:
    state = {"died": False}

    def script(workers: FakeWorkers) -> list[Event]:
        if not state["died"] and not workers.channels[0].owed:
            return get_ready(workers) or workers.pay()
        state["died"] = True
        return [workers.channels[0].death("exited with code 9")]

    with pytest.raises(WorkerError, match="cannot start: exited with code 9"):
        play(plan(), script)


def test_a_refused_seat_is_the_users_input(play: Callable[..., Play]) -> None:
    def disturb(workers: FakeWorkers) -> list[Event]:
        return [Received(workers.channels[1], m.Error(code="refused", text="only 2 seats", match=0, seat=1))]

    with pytest.raises(InputError, match="good1 cannot take seat 1: only 2 seats"):
        play(plan(), once(disturb, after=1))


@pytest.mark.parametrize("code", ["failed", "refused", "backend"])
def test_an_error_about_a_match_of_others_voids_nothing(play: Callable[..., Play], code: Any) -> None:
    def disturb(workers: FakeWorkers) -> list[Event]:
        error = m.Error(code=code, text="x", match=999, seat=70)
        return [Received(workers.channels[1], error), *workers.pay()]

    run = play(plan(), once(disturb))
    assert run.timing("void") == []
    assert [line["text"] for line in run.timing("error")] == ["x"]


def test_a_seat_number_that_is_none_does_no_harm(play: Callable[..., Play]) -> None:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        for match, _ in workers.channels[1].seeds:
            return [Received(workers.channels[1], m.Error(code="failed", text="x", match=match, seat=70))]
        return None

    assert play(plan(), once(disturb)).log == play(plan()).log


def test_a_worker_that_does_not_understand_a_question_is_replaced(play: Callable[..., Play]) -> None:
    """It will not answer it: without a deadline (a person's turn) the run would wait for ever."""

    def disturb(workers: FakeWorkers) -> list[Event] | None:
        channel = workers.channels[0]
        if not channel.owed:
            return None
        return [Received(channel, m.Error(code="unexpected", text="an array refers to buffer 3 of 2"))]

    run = play(plan(), once(disturb))
    assert "did not understand" in run.workers.killed[0][1]
    assert run.log == play(plan()).log


def test_concurrency_must_be_positive() -> None:
    todo = plan()
    with pytest.raises(InputError, match="concurrency 0"):
        Scheduler(todo, FakeWorkers(todo, None), concurrency=0)  # type: ignore[arg-type]


# --- the schedule ---------------------------------------------------------------------------------------------------


def test_a_plan_of_any_number_of_matches_costs_no_memory(play: Callable[..., Play]) -> None:
    """The schedule is read as places get free; nothing keeps it."""

    class EnoughError(Exception):
        pass

    def script(workers: FakeWorkers) -> list[Event]:
        if any(match >= 20 for match, _ in workers.channels[0].seeds):
            raise EnoughError
        return workers.pay()

    with pytest.raises(EnoughError):
        play(plan(matches=10**20), script)


class Ends(Observer):
    """Writes down how each match ended."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}

    def ended(self, match: Match, outcome: Outcome) -> None:
        self.outcomes[match.plan.index] = outcome


def test_matches_that_are_done_are_left_out(play: Callable[..., Play]) -> None:
    whole, rest = Ends(), Ends()
    play(plan(), observer=whole)
    play(plan(), observer=rest, done=(0, 1, 4))
    assert rest.outcomes == {i: whole.outcomes[i] for i in (2, 3, 5)}
