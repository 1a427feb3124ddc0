"""New weights for a running worker: sends UPDATE and waits for UPDATED."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from arena.channel import Channel, Died, Event, Received
from arena.errors import WorkerError
from arena.protocol import messages as m

SECONDS = 300.0  # most seconds for a worker that is ready to take its weights


class WeightUpdates:
    """Of one pool of workers: what `poll` gives while a worker is waited for is kept, and given later."""

    def __init__(self, poll: Callable[[float | None], list[Event]]) -> None:
        self._poll = poll
        self._kept: list[Event] = []
        self._ids = itertools.count(1)

    def kept(self) -> list[Event]:
        """Returns the events that came in during updates, once."""
        events, self._kept = self._kept, []
        return events

    def send(self, channel: Channel, version: str, path: str, seconds: float = SECONDS) -> None:
        """Let a worker take the weights in `path`; returns once it has. WorkerError when it cannot, dies or hangs.

        One that still loads must be alive: whoever started it says when that takes too long, and it is dead then.
        """
        message: m.Update | None = None
        until = 0.0
        while True:
            if message is None and channel.ready:
                message = m.Update(id=next(self._ids), version=version, path=path)
                channel.send(message)
                until = time.monotonic() + seconds
            left = seconds if message is None else until - time.monotonic()
            if left <= 0:
                raise WorkerError(f"{channel.name} did not take the weights {path} within {seconds:g} s")
            for event in (events := self._poll(left)):
                if event.channel is not channel or not _about(event, message):
                    continue
                self._kept += [other for other in events if other is not event or isinstance(event, Died)]
                match event:
                    case Died():
                        raise WorkerError(f"{channel.name} {event.reason} before it had taken the weights {path}")
                    case Received(message=m.Error(text=text)):
                        raise WorkerError(f"{channel.name} keeps its weights: {text}")
                return
            self._kept += events


def _about(event: Event, update: m.Update | None) -> bool:
    """Whether this is how the worker answers `update`. One that does not know the message names no id."""
    if isinstance(event, Died):
        return True
    match event.message:
        case m.Updated(id=i):
            return update is not None and i == update.id
        case m.Error(id=i, code=code):
            return update is not None and (i == update.id or code == "unknown_message")
    return False
