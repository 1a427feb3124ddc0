"""Operators in this process: the same messages and the same answers as in a worker, and nothing left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from arena.channel import Died, Event, Received
from arena.errors import WorkerError
from arena.local_workers import LocalWorkers
from arena.operator import AsyncOperator, BackendError, Decision, OpenSeat, Outcome, Request, WorkerContext
from arena.plan import Plan
from arena.play import describe
from arena.protocol import messages as m
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from tests.host_kit import open_message, request
from tests.supervisor.kit import ROOT
from tests.supervisor.kit import play as play_in_processes
from tests.toys import GOOD, Together, drawn, kind_of, plan_of


class Polite(AsyncOperator):
    """Answers as `Good` does, but lets the others go first."""

    def __init__(self) -> None:
        self.seeds: dict[tuple[int, int], bytes] = {}

    def open(self, seats: list[OpenSeat]) -> None:  # type: ignore[override]
        self.seeds.update({(s.match, s.seat): s.seed for s in seats})

    async def decide(self, request: Request) -> Decision:
        await asyncio.sleep(0)
        legal = request.observation.legal
        return Decision(answer=drawn(self.seeds[request.match, request.seat], request.tick, request.attempt, legal))

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        del self.seeds[match, seat]


def polite(context: WorkerContext) -> AsyncOperator:
    return Polite()


POLITE = kind_of("good", "tests.test_local_workers:polite")


def log(plan: Plan, folder: Path, concurrency: int = 4) -> bytes:
    with LocalWorkers(plan.pool) as workers:
        recorder = Recorder(folder, describe(plan))
        Scheduler(plan, workers, concurrency=concurrency, recorder=recorder).run()
        recorder.close()
    return (folder / "log-000.jsonl").read_bytes()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("operator ")]


@pytest.fixture(autouse=True)
def _nothing_left() -> object:
    yield
    assert threads() == []


def test_an_operator_that_waits_plays_as_one_that_computes(tmp_path: Path) -> None:
    mixed = plan_of(Together, [POLITE, GOOD], matches=6)
    assert log(mixed, tmp_path / "mixed") == log(plan_of(Together, [GOOD, GOOD], matches=6), tmp_path / "good")


def test_it_plays_as_in_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    plan = plan_of(Together, [POLITE, POLITE], matches=6)
    run = play_in_processes(plan, tmp_path / "processes")
    assert (run.folder / "log-000.jsonl").read_bytes() == log(plan, tmp_path / "local", concurrency=1)


# --- one by one -----------------------------------------------------------------------------------------------------


class Scripted(AsyncOperator):
    """Does what the test says."""

    current: ClassVar[Scripted]
    start_error: ClassVar[Exception | None] = None

    def __init__(self, decide: Callable[[Request], Decision] | None = None) -> None:
        Scripted.current = self
        self.cancelled = 0
        self.stopped = False

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error

    async def decide(self, request: Request) -> Decision:
        if request.id == 666:
            raise SystemExit(3)
        if request.id % 2:
            return Decision(answer=request.id)
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1
        raise AssertionError

    async def stop(self, complete: bool = False) -> None:
        self.stopped = True


def scripted(context: WorkerContext) -> AsyncOperator:
    return Scripted()


POOL = plan_of(Together, [kind_of("x", "tests.test_local_workers:scripted", max_in_flight=3)]).pool


def pool() -> LocalWorkers:
    return LocalWorkers(POOL)


def until(workers: LocalWorkers, wanted: Callable[[Event], bool]) -> Event:
    while True:
        for event in workers.poll(None):
            if wanted(event):
                return event


def action(event: Event) -> bool:
    return isinstance(event, Received) and isinstance(event.message, m.Action)


def test_questions_that_are_open_at_the_end_are_cancelled() -> None:
    with pool() as workers:
        channel = workers.channel(POOL[0])
        assert channel.max_in_flight == 3
        channel.send(open_message(0, 0))
        channel.send(m.Act(requests=[request(2), request(4), request(5)]))
        event = until(workers, action)
        assert isinstance(event, Received)
        assert isinstance(event.message, m.Action)
        assert [answer.decision for answer in event.message.answers] == [Decision(answer=5)]
    assert (Scripted.current.cancelled, Scripted.current.stopped) == (2, True)
    workers.close()  # a second time


def test_a_cancel_is_confirmed() -> None:
    with pool() as workers:
        channel = workers.channel(POOL[0])
        channel.send(open_message(0, 0))
        channel.send(m.Act(requests=[request(2)]))
        channel.send(m.Cancel(ids=[2]))
        event = until(workers, action)
        assert isinstance(event, Received)
        assert isinstance(event.message, m.Action)
        assert [answer.cancelled for answer in event.message.answers] == [True]


def test_nothing_comes_where_nothing_was_asked() -> None:
    with pool() as workers:
        until(workers, lambda event: isinstance(event, Received) and isinstance(event.message, m.Status))
        assert workers.poll(0) == []


def test_one_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scripted, "start_error", BackendError("no server at 127.0.0.1:1"))
    with pytest.raises(WorkerError, match=r"x0 cannot run in this process: no server at 127.0.0.1:1"):
        pool()


def test_what_ends_the_event_loop_is_a_death() -> None:
    with pool() as workers:
        channel = workers.channel(POOL[0])
        channel.send(open_message(0, 0))
        channel.send(m.Act(requests=[request(666)]))
        died = until(workers, lambda event: isinstance(event, Died))
        assert isinstance(died, Died)
        assert died.reason == "raised SystemExit: 3"
        channel.send(m.Ping())  # nobody is there: dropped
        with pytest.raises(WorkerError, match="cannot be replaced"):
            workers.replace(channel)
