"""Weights that change while a run goes on, in this process: who answers what, and what log and verify make of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from arena.channel import Channel, Died, Event, Received
from arena.errors import WorkerError
from arena.local_workers import LocalWorkers
from arena.log import TurnLine
from arena.operator import Decision, Operator, Request, WorkerContext
from arena.play import describe
from arena.protocol import messages as m
from arena.record.reader import Run
from arena.record.verify import verify
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.turns import Episode, TurnSink
from arena.weights import WeightUpdates
from tests.record.kit import make_plan
from tests.toys import GOOD, Good, kind_of
from tests.workers_kit import FakeChannel


class Learner(Good):
    """Answers by its weights: the first legal action, or the last."""

    def __init__(self) -> None:
        super().__init__()
        self.path = "0"

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [Decision(answer=request.observation.legal[int(self.path)]) for request in requests]

    def update(self, version: str, path: str) -> None:
        if path not in ("0", "-1"):
            raise ValueError(f"{path} holds no weights")
        self.path = path


def build(context: WorkerContext) -> Operator:
    return Learner()


LEARNER = kind_of("learner", "tests.test_weights:build")


def test_a_sink_changes_the_weights_in_play_and_the_log_says_whose_each_turn_was(tmp_path: Path) -> None:
    made = make_plan("leduc", [LEARNER, GOOD], matches=6, seed=2)

    class Trainer(TurnSink):
        def match_over(self, episode: Episode) -> None:
            if episode.plan.index in (1, 3):
                workers.update(made.pool[0], f"v{episode.plan.index}", "-1")

    out = tmp_path / "run"
    with closing(LocalWorkers(made.pool)) as workers, closing(Recorder(out, describe(made))) as recorder:
        Scheduler(made, workers, recorder=recorder, sinks=[Trainer()]).run()
    versions = [
        {line.weights_version for line in lines if isinstance(line, TurnLine) and line.operator == "learner0"}
        for lines in Run(out).matches()
    ]
    assert versions == [{None}, {None}, {"v1"}, {"v1"}, {"v3"}, {"v3"}]
    report = verify(Run(out))
    assert (report.passed, report.matches) == (True, 6)


def test_a_failed_update_is_told_in_this_process_too() -> None:
    made = make_plan("leduc", [LEARNER, GOOD])
    with closing(LocalWorkers(made.pool)) as workers:
        with pytest.raises(WorkerError, match="learner0 keeps its weights: 7 holds no weights"):
            workers.update(made.pool[0], "v1", "7")
        with pytest.raises(WorkerError, match=r"good1 keeps its weights: .*Good cannot change its weights"):
            workers.update(made.pool[1], "v1", "0")


class Script:
    """A worker that says these things one after another; each time it is polled for them."""

    def __init__(self, channel: Channel, *said: Sequence[m.ToArena]) -> None:
        self.polls = [[Received(channel, message) for message in one] for one in said]

    def __call__(self, timeout: float | None) -> list[Event]:
        return list(self.polls.pop(0))


def test_what_comes_in_meanwhile_is_not_lost_and_other_answers_are_not_its_own() -> None:
    channel, other = FakeChannel("one", "s"), FakeChannel("two", "s")
    stray = m.Updated(id=77, version="v1")
    told = m.Updated(id=1, version="v1")
    updates = WeightUpdates(Script(channel, [m.Ping(n=1), stray], [m.Ping(n=2), told, m.Ping(n=3)]))
    updates._kept.append(Received(other, m.Ping(n=0)))
    updates.send(channel, "v1", "x")
    assert [event.message for event in updates.kept() if isinstance(event, Received)] == [
        m.Ping(n=0),
        m.Ping(n=1),
        stray,
        m.Ping(n=2),
        m.Ping(n=3),
    ]
    assert updates.kept() == []
    assert channel.sent == [m.Update(id=1, version="v1", path="x")]


def test_a_worker_that_knows_no_update_is_not_waited_for() -> None:
    channel = FakeChannel("old", "s")
    updates = WeightUpdates(Script(channel, [m.Error(code="unknown_message", text="what is that")]))
    with pytest.raises(WorkerError, match="old keeps its weights: what is that"):
        updates.send(channel, "v1", "x")


class Passing(Script):
    """As a script of a worker that loads first; 200 s pass with each poll, and it is ready after the fourth."""

    def __init__(self, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch, *said: Sequence[m.ToArena]) -> None:
        super().__init__(channel, *said)
        self.channel, self.now = channel, 0.0
        channel.ready = False
        monkeypatch.setattr("arena.weights.time.monotonic", lambda: self.now)

    def __call__(self, timeout: float | None) -> list[Event]:
        assert timeout is None or timeout > 0
        self.now += 200
        self.channel.ready = self.now >= 800
        return super().__call__(timeout)


def test_a_worker_that_still_loads_is_waited_for_as_long_as_the_arena_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = FakeChannel("slow", "s")
    script = Passing(channel, monkeypatch, [], [], [], [], [], [m.Updated(id=1, version="v1")])
    WeightUpdates(script).send(channel, "v1", "x")
    assert (script.now, len(channel.sent)) == (1200, 1)


def test_seconds_for_new_weights_begin_when_the_worker_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = FakeChannel("slow", "s")
    script = Passing(channel, monkeypatch, *[[]] * 20)
    with pytest.raises(WorkerError, match="slow did not take the weights x within 300 s"):
        WeightUpdates(script).send(channel, "v1", "x")
    assert script.now == 1200


def test_a_worker_that_dies_while_it_loads_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = FakeChannel("slow", "s")
    script = Passing(channel, monkeypatch, [], [], [])
    script.polls[2] = [Died(channel, "was not ready within 300 s", True, False)]  # type: ignore[list-item]
    with pytest.raises(WorkerError, match="slow was not ready within 300 s before it had taken the weights x"):
        WeightUpdates(script).send(channel, "v1", "x")


def test_a_worker_that_says_nothing_is_given_up() -> None:
    channel = FakeChannel("mute", "s")
    with pytest.raises(WorkerError, match="mute did not take the weights x within 0 s"):
        WeightUpdates(Script(channel)).send(channel, "v1", "x", seconds=0)
