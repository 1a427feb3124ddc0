"""ReplayHost: hosts a game whose matches are played again, one request at a time (`arena verify`, `arena replay`)."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from arena.channel import Received
from arena.errors import GameError, WorkerError
from arena.game import Game, Views
from arena.hosted import HostedSession
from arena.match import Match
from arena.plan import Limits
from arena.protocol import messages as m
from arena.supervisor.hub import Hub
from arena.supervisor.worker_pool import ProcessWorkers


class ReplayHost:
    """One host process in a runtime; `close` ends it. WorkerError when it cannot start, or says that it cannot go on.

    GameError when the game fails, or its host dies or hangs: another match may be played after that.
    """

    def __init__(self, runtime: str) -> None:
        self._logs = tempfile.TemporaryDirectory(prefix="arena-host-")
        self._runtime = runtime
        self._hub = Hub(Path(self._logs.name))
        self._workers = ProcessWorkers(self._hub, [], [runtime])
        self._ids = itertools.count(1)
        self._match: Match | None = None

    def session(self, game: Game, name: str, views: Sequence[Views], match: int) -> HostedSession:
        """Return a session for one match. Only one match is played at a time."""
        channel = self._workers.host(self._runtime, match)
        self._wait_until_ready(time.monotonic() + Limits().deadline)
        return HostedSession(game, name, views, match, channel, self._ids, self.wait_idle)

    def play(self, match: Match) -> None:
        """Give the host's replies to this match from now on."""
        self._match = match

    def wait_idle(self, session: HostedSession) -> None:
        """Wait until the host has answered everything."""
        until = time.monotonic() + Limits().deadline
        while not session.idle:
            self._poll(session, until)

    def close(self) -> None:
        self._hub.close()
        self._logs.cleanup()

    def _wait_until_ready(self, until: float) -> None:
        while not all(channel.ready for channel in self._workers.channels):
            self._poll(None, until)

    def _poll(self, session: HostedSession | None, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            if session is None:
                raise WorkerError(f"the game host did not start within {Limits().deadline:g} s")
            reason = f"did not answer within {Limits().deadline:g} s: it hangs"
            self._workers.kill(session.channel, reason)
            self._workers.replace(session.channel)
            raise GameError(f"the game's host {reason}")
        for event in self._hub.poll(left):
            if isinstance(event, Received):
                self._take(session, event)
            elif event.was_ready and session is not None and event.channel is session.channel:
                self._workers.replace(event.channel)
                raise GameError(f"the game's host {event.reason}")
            elif event.channel in self._workers.channels:
                raise WorkerError(f"the game host {event.reason}")

    def _take(self, session: HostedSession | None, event: Received) -> None:
        match event.message:
            case m.Error(code="failed"):
                raise GameError(event.message.text)
            case m.Error():
                raise WorkerError(f"the game host cannot go on: {event.message.text}")
            case (m.Stepped() | m.Parsed() | m.Observed()) as reply if session is not None:
                session.reply(self._match, reply)
            case _:
                pass
