"""The player's side of the Scheduler: the channel of seats of players outside, their matches, what they are told."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from arena.channel import Channel, Event, Received
from arena.game import GameSpec, Views
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, OperatorKind, Outcome, Request
from arena.plan import Entry, MatchPlan, MatchResult
from arena.protocol import messages as m
from arena.serve.seat import SeatMatch
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.worker_pool import ProcessWorkers

SESSION = "player"


def _nothing(spec: GameSpec, what: str, options: Any) -> Views:
    return Views()


PLAYER = OperatorKind(
    name="player",
    summary="a player outside of the arena",
    target="arena.serve:no_worker",  # it is served by this process
    views=_nothing,
    determinism="none",
    interactive=True,  # it is waited for
)


class Waker(Interrupts):
    """Wakes the hub's poll from another thread."""

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it is full: a wake-up waits there already
            os.write(self._write, b"\0")

    def stop(self) -> None:
        """The next poll ends the run."""
        self.pending = True
        self.wake()

    def check(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass
        super().check()


class Wanted:
    """The matches that players ask for, as the Scheduler reads them."""

    def __init__(self) -> None:
        self.plans: deque[MatchPlan] = deque()
        self.closed = False
        self.asked_for = threading.Event()  # the scheduler looked for a match: its operators are ready

    def peek(self) -> MatchPlan | None:
        self.asked_for.set()
        return self.plans[0] if self.plans else None

    def take(self) -> None:
        self.plans.popleft()

    def hear(self, result: MatchResult) -> None:
        pass

    @property
    def over(self) -> bool:
        return self.closed


class PlayerChannel(Channel):
    """The worker of the player's seats, in this process."""

    name, session, ready = PLAYER.name, SESSION, True

    def __init__(self, waker: Waker) -> None:
        self.matches: dict[int, SeatMatch] = {}  # by number
        self.inbox: SimpleQueue[Event] = SimpleQueue()
        self._waker = waker
        self._asked: dict[int, Request] = {}  # by id: without an answer yet

    def send(self, message: m.Message) -> None:
        match message:
            case m.Act():
                for request in message.requests:
                    self._asked[request.id] = request
                    self.matches[request.match].asked(request)
            case m.Cancel():
                for number in message.ids:
                    if number in self._asked:
                        self._say(_answer(self._asked.pop(number), cancelled=True))
            case m.End():
                self.inbox.put(Received(self, m.Closed(match=message.match, seat=message.seat)))
            case _:
                pass

    def answer(self, request: Request, decision: Decision) -> None:
        """What a player answers; from any thread."""
        with contextlib.suppress(KeyError):  # it was cancelled
            self._say(_answer(self._asked.pop(request.id), decision=decision))
            self._waker.wake()

    def _say(self, answer: m.Answer) -> None:
        self.inbox.put(Received(self, m.Action(session=self.session, answers=[answer])))


def _answer(request: Request, decision: Decision | None = None, cancelled: bool = False) -> m.Answer:
    return m.Answer(
        id=request.id,
        match=request.match,
        seat=request.seat,
        tick=request.tick,
        attempt=request.attempt,
        decision=decision,
        cancelled=cancelled,
    )


class Pool:
    """A WorkerPool: worker processes, and the player's channel beside them."""

    def __init__(self, workers: ProcessWorkers, player: PlayerChannel) -> None:
        self.ids: Iterator[int] = workers.ids
        self._workers, self._player = workers, player

    @property
    def loading(self) -> bool:
        return self._workers.loading

    def channel(self, entry: Entry) -> Channel:
        return self._player if entry.kind is PLAYER else self._workers.channel(entry)

    def host(self, runtime: str, match: int) -> Channel:
        return self._workers.host(runtime, match)

    def spectators(self) -> Sequence[Channel]:
        return ()

    def poll(self, timeout: float | None) -> list[Event]:
        events = self._said()
        events += self._workers.poll(0 if events else timeout)
        return events + self._said()

    def _said(self) -> list[Event]:
        out: list[Event] = []
        try:
            while True:
                out.append(self._player.inbox.get_nowait())
        except Empty:
            return out

    def replace(self, channel: Channel) -> None:
        self._workers.replace(channel)

    def kill(self, channel: Channel, reason: str) -> None:
        self._workers.kill(channel, reason)

    def update(self, entry: Entry, version: str, path: str) -> None:
        self._workers.update(entry, version, path)


class Told(Observer):
    """Tells the player of each match what its seat got, and how it ended."""

    def __init__(self, matches: dict[int, SeatMatch]) -> None:
        self._matches = matches

    def started(self, match: Match) -> None:
        if (made := self._matches.get(match.plan.index)) is not None:
            made.begins()

    def asked(self, match: Match, request: Request) -> None:
        if match.tick == 0:
            self._got(match)

    def ticked(self, match: Match) -> None:
        self._got(match)

    def ended(self, match: Match, outcome: Outcome) -> None:
        if (made := self._matches.pop(match.plan.index, None)) is not None:
            made.ends(outcome)

    def unresolved(self, match: Match, reason: str) -> None:
        if (made := self._matches.pop(match.plan.index, None)) is not None:
            made.fails(f"the match could not be played to its end: {reason}")

    def _got(self, match: Match) -> None:
        made = self._matches.get(match.plan.index)
        if made is not None and match.result is not None:
            made.got(match.tick, match.result.rewards[made.seat], match.last_faults.get(made.seat))
