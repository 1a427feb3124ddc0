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
    """The connection to one worker. A channel that died or was in doubt is never reused; the pool opens a new one."""

    name: str
    session: str  # echoed by every ACTION of this worker
    ready: bool  # the worker hosts its operator and takes seats
    pid: int | None = None
    log: Path | None = None  # what the worker printed
    role = "operator"  # or "game": a game host; or "spectator": it has no seat, and nothing waits for it
    max_in_flight = 0  # most requests that it takes at once; 0: no limit
    watches = False  # it shows matches to people, and understands WATCH

    def limit(self, most: int) -> None:
        """Limit the requests in flight to `most` (0: no limit stated); the lowest limit counts."""
        self.max_in_flight = min(most or self.max_in_flight, self.max_in_flight or most)

    @abc.abstractmethod
    def send(self, message: m.Message) -> None:
        """Send a message. If the worker is dead the message is dropped; `poll` reports the death."""


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
    refused: bool = False  # the worker refused what it was asked to host: the user's input is wrong


Event = Received | Died


class WorkerPool(Protocol):
    """The workers of a run, or of several after each other. A game host serves whole matches instead of operators."""

    ids: Iterator[int]  # ids of requests, unique also for a worker that serves several runs

    @property
    def loading(self) -> bool:
        """Whether a worker is being started, or a new one gets its weights: both end in time, or as its death."""

    def channel(self, entry: Entry) -> Channel:
        """The channel that now serves this operator."""

    def host(self, runtime: str, match: int) -> Channel:
        """The channel that now hosts games of this runtime, of the one that this match goes to."""

    def spectators(self) -> Sequence[Channel]:
        """The live channels of spectators. A dead one is not replaced."""

    def poll(self, timeout: float | None) -> list[Event]:
        """Returns what came in; waits at most `timeout` seconds for it (None: without limit)."""

    def replace(self, channel: Channel) -> None:
        """Start a new worker for the operators of a dead channel."""

    def kill(self, channel: Channel, reason: str) -> None:
        """Kill a worker in doubt; `poll` reports its Died."""

    def update(self, entry: Entry, version: str, path: str) -> None:
        """Let the worker of this operator decide with the weights in `path` from now on; returns once it does.

        Its process goes on; all operators that it serves get them, and a worker that takes its place as well.
        WorkerError when the worker keeps its old ones, and says why. What comes in meanwhile, `poll` gives later.
        """
