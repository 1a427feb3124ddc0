"""Channel: the arena's end of one worker, over ZeroMQ (arena/supervisor) or in process (arena/local_workers.py).

The Scheduler knows channels by a WorkerPool: which channel serves which operator, and what came in.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from arena.plan import Entry
from arena.protocol import messages as m


class Channel(abc.ABC):
    """To one worker. A channel that died or was in doubt is never used again; the worker pool opens another."""

    name: str
    session: str  # echoed by every ACTION of this worker
    ready: bool  # the worker hosts its operator and takes seats
    pid: int | None = None
    log: Path | None = None  # what the worker printed
    role = "operator"  # or "game": a game host; or "spectator": it has no seat, and nothing waits for it
    max_in_flight = 0  # questions that it takes at once; 0: any number
    watches = False  # it shows matches to people, and understands WATCH

    def limit(self, most: int) -> None:
        """It takes at most `most` questions at once (0: that is not said); the lowest number counts."""
        self.max_in_flight = min(most or self.max_in_flight, self.max_in_flight or most)

    @abc.abstractmethod
    def send(self, message: m.Message) -> None:
        """Send, or drop when the worker is dead: its death is reported by poll."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message of a worker."""

    channel: Channel
    message: m.ToArena


@dataclass(frozen=True, slots=True)
class Died:
    """A worker is gone, or broke the protocol and was killed."""

    channel: Channel
    reason: str
    self_inflicted: bool  # it exited or crashed by itself; False: killed from outside or by the arena
    was_ready: bool
    refused: bool = False  # the worker said that what it was asked to host cannot be: the user's input is wrong


Event = Received | Died


class WorkerPool(Protocol):
    """The workers of a run, or of several after each other. A game host serves whole matches instead of operators."""

    ids: Iterator[int]  # of questions: a worker that goes on from run to run never meets one twice

    def channel(self, entry: Entry) -> Channel:
        """The channel that now serves this operator."""

    def host(self, runtime: str, match: int) -> Channel:
        """The channel that now hosts games of this runtime, of the one that this match goes to."""

    def spectators(self) -> Sequence[Channel]:
        """The channels of those who only watch and are not gone. One that dies is not replaced."""

    def poll(self, timeout: float | None) -> list[Event]:
        """What came in; waits at most `timeout` seconds (None: until something comes)."""

    def replace(self, channel: Channel) -> None:
        """Start a new worker for the operators of a dead channel."""

    def kill(self, channel: Channel, reason: str) -> None:
        """Kill a worker in doubt; its Died comes by poll."""

    def update(self, entry: Entry, version: str, path: str) -> None:
        """Let the worker of this operator decide with the weights in `path` from now on; returns once it does.

        Its process goes on; all operators that it serves get them, and a worker that takes its place as well.
        WorkerError when the worker keeps its old ones, and says why. What comes in meanwhile, `poll` gives later.
        """
