"""A pool of workers without processes: channels that note what they are sent, and a script that decides the replies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from arena.channel import Channel, Died, Event, Received
from arena.observer import Observer
from arena.operator import Decision
from arena.plan import Entry, MatchResult, Plan
from arena.play import describe
from arena.protocol import messages as m
from arena.record.writer import Recorder
from arena.schedule import planned
from arena.scheduler import Scheduler
from arena.turns import TurnSink
from tests.toys import GOOD, Turns, drawn, matches_of, plan_of

Script = Callable[["FakeWorkers"], list[Event]]


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class FakeChannel(Channel):
    """Knows its open seats and which items it owes an answer."""

    def __init__(self, name: str, session: str) -> None:
        self.name = name
        self.session = session
        self.ready = True
        self.sent: list[m.Message] = []
        self.seeds: dict[tuple[int, int], bytes] = {}
        self.owed: dict[int, m.Request] = {}
        self.cancelled: list[int] = []
        self.looked: list[m.SpectatorUpdate] = []  # shown, and not confirmed yet

    def send(self, message: m.Message) -> None:
        self.sent.append(message)
        match message:
            case m.OpenSeat():
                self.seeds[message.match, message.seat] = message.seed
            case m.End():
                del self.seeds[message.match, message.seat]
            case m.Act():
                self.owed.update({item.id: item for item in message.requests})
            case m.Cancel():
                self.cancelled += message.ids
            case m.SpectatorUpdate():
                self.looked.append(message)

    def good(self, item: m.Request) -> m.Answer:
        """The answer that the toy operator gives."""
        seed = self.seeds[item.match, item.seat]
        return reply(item, decision=Decision(answer=drawn(seed, item.tick, item.attempt, item.observation.legal)))

    def action(self, *answers: m.Answer, session: str | None = None) -> Received:
        """An ACTION of this worker; what it answers it no longer owes."""
        for answer in answers:
            self.owed.pop(answer.id, None)
        return Received(self, m.Action(session=session or self.session, answers=list(answers)))

    def pay(self) -> list[Event]:
        """Answer everything that is owed: well, or as cancelled."""
        answers = [
            reply(item, cancelled=True) if item.id in self.cancelled else self.good(item) for item in self.owed.values()
        ]
        return [*self.confirm(), *([self.action(*answers)] if answers else [])]

    def confirm(self) -> list[Event]:
        """What it was shown may be followed by more."""
        looked, self.looked = self.looked, []
        return [Received(self, m.Watched(match=update.match, tick=update.tick)) for update in looked]

    def death(self, reason: str = "exited with code 1", self_inflicted: bool = True) -> Died:
        was_ready, self.ready = self.ready, False
        return Died(self, reason, self_inflicted, was_ready)


def reply(item: m.Request, **outcome: Any) -> m.Answer:
    return m.Answer(id=item.id, match=item.match, seat=item.seat, tick=item.tick, attempt=item.attempt, **outcome)


class FakeWorkers:
    """`script(workers)` is called when the scheduler waits; without one, every worker answers at once."""

    def __init__(self, plan: Plan, clock: Clock, script: Callable[[FakeWorkers], list[Event]] | None = None) -> None:
        self.plan = plan
        self.ids = itertools.count(1)
        self.clock = clock
        self.script = script
        self.keys = [entry.worker_key for entry in plan.pool]
        self.started: list[FakeChannel] = []
        self.killed: list[tuple[str, str]] = []
        self.queue: list[Event] = []
        self.current = {key: self._start(key) for key in self.keys}

    def _start(self, key: str) -> FakeChannel:
        entry = self.plan.pool[self.keys.index(key)]
        channel = FakeChannel(entry.name, f"session{len(self.started)}")
        channel.limit(entry.max_in_flight)
        self.started.append(channel)
        return channel

    @property
    def channels(self) -> list[FakeChannel]:
        """The workers in use, in slot order."""
        return list(self.current.values())

    def channel(self, entry: Entry) -> FakeChannel:
        return self.current[entry.worker_key]

    def host(self, runtime: str, match: int) -> Channel:
        raise AssertionError("no game is hosted")

    def spectators(self) -> Sequence[Channel]:
        return ()

    def poll(self, timeout: float | None) -> list[Event]:
        events, self.queue = self.queue, []
        if not events:
            events = self.script(self) if self.script else self.pay()
        if not events:
            assert timeout is not None, "the scheduler waits for ever"
            self.clock.now += timeout
        return events

    def pay(self) -> list[Event]:
        return [event for channel in self.channels for event in channel.pay()]

    def replace(self, channel: Channel) -> None:
        key = next(key for key, current in self.current.items() if current is channel)
        self.current[key] = self._start(key)

    def kill(self, channel: Channel, reason: str) -> None:
        assert isinstance(channel, FakeChannel)
        if channel.ready:
            self.killed.append((channel.name, reason))
            self.queue.append(channel.death(reason, self_inflicted=False))


class Play:
    """One run of the scheduler with a scripted workers, and the folder it leaves."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        folder: Path,
        plan: Plan,
        script: Callable[[FakeWorkers], list[Event]] | None = None,
        *,
        concurrency: int = 4,
        observer: Observer | None = None,
        done: Sequence[int] = (),
        dry_turn: bool = False,
        sinks: Sequence[TurnSink] = (),
    ) -> None:
        self.folder = folder
        self.clock = Clock()
        monkeypatch.setattr("arena.scheduler.time", self.clock)
        self.workers = FakeWorkers(plan, self.clock, script)
        recorder = Recorder(folder, describe(plan))
        found = matches_of(plan) if done else []
        over = [MatchResult(match, "terminated", None) for match in found if match.index in done]
        self.scheduler = Scheduler(
            plan,
            self.workers,
            concurrency=concurrency,
            recorder=recorder,
            observer=observer,
            matches=planned(plan, done=over),
            dry_turn=dry_turn,
            sinks=sinks,
        )
        try:
            self.scheduler.run()
        finally:
            recorder.close()

    @property
    def log(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("log-*.jsonl")))

    def lines(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.log.splitlines()) if line["type"] == kind]

    def matches(self) -> dict[int, list[str]]:
        """The lines of each match, by its number."""
        out: dict[int, list[str]] = {}
        for text in self.log.decode().splitlines():
            line = json.loads(text)
            if line["type"] == "match":
                out[line["match"]] = current = []
            current.append(text)
        return out

    def timing(self, kind: str) -> list[dict[str, Any]]:
        text = (self.folder / "timing-000.jsonl").read_text()
        return [line for line in map(json.loads, text.splitlines()) if line["type"] == kind]


def sent(channel: FakeChannel, kind: type[m.Message]) -> Sequence[Any]:
    return [message for message in channel.sent if isinstance(message, kind)]


def once(disturb: Callable[[FakeWorkers], list[Event] | None], after: int = 5) -> Script:
    """All goes well, but at the `after`-th wait (and on, until it gives events) `disturb` has its say, once."""
    state = {"waits": 0, "done": False}

    def script(workers: FakeWorkers) -> list[Event]:
        state["waits"] += 1
        if state["waits"] >= after and not state["done"]:
            events = disturb(workers)
            if events is not None:
                state["done"] = True
                return events
        return workers.pay()

    return script


def plan(matches: int = 6, **limits: object) -> Plan:
    return plan_of(Turns, [GOOD, GOOD], matches=matches, options={"rounds": 3}, **limits)
