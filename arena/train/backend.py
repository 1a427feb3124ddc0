"""Where the matches of a training run are played: in this process, or spread over game hosts."""

from __future__ import annotations

import abc
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from arena.channel import Died
from arena.errors import WorkerError
from arena.game import Game, Views
from arena.hosted import HostedSession
from arena.plan import HERE, Limits
from arena.protocol import messages as m
from arena.session import LocalSession
from arena.supervisor.hub import Hub
from arena.supervisor.worker_pool import ProcessWorkers
from arena.sync import SyncMatch


class VecBackend(abc.ABC):
    """Matches side by side, one in each slot."""

    games: Sequence[Game]  # by slot, for their facts; their numbers of seats may differ

    @abc.abstractmethod
    def begin(self, slot: int, seed: bytes, views: Sequence[Views]) -> SyncMatch:
        """Begin a new match in `slot`, with the `views` of each seat. Call `wait` before using it."""

    def wait(self) -> None:  # noqa: B027 - nothing is waited for in this process
        """Wait until every match waits for answers or is over."""

    def close(self) -> None:  # noqa: B027
        """End what was started."""


class LocalBackend(VecBackend):
    """Plays the matches in this process."""

    def __init__(self, games: Sequence[Game]) -> None:
        self.games = games

    def begin(self, slot: int, seed: bytes, views: Sequence[Views]) -> SyncMatch:
        game = self.games[slot]
        return SyncMatch(LocalSession(game, views), game.seats, seed)


class HostedBackend(VecBackend):
    """Plays the matches in game hosts, each with a share of the slots. WorkerError if one dies, hangs or fails."""

    def __init__(self, games: Sequence[Game], name: str, runtime: str | None, hosts: int) -> None:
        """`games` are never reset; `name` is the plugin's name; `runtime` None means this interpreter."""
        self.games = games
        self._name = name
        self._logs = tempfile.TemporaryDirectory(prefix="arena-hosts-")
        self._hub = Hub(Path(self._logs.name))
        self._runtime = runtime or HERE
        self._workers = ProcessWorkers(self._hub, [], [self._runtime], hosts)
        self._ids = itertools.count(1)
        self._numbers = itertools.count(1)
        self._sessions: dict[int, HostedSession] = {}  # by slot
        self._matches: dict[int, SyncMatch] = {}  # by slot
        self._slots: dict[int, int] = {}  # by the match's number
        until = time.monotonic() + Limits().deadline
        while not all(channel.ready for channel in self._workers.channels):
            self._poll(until)

    def begin(self, slot: int, seed: bytes, views: Sequence[Views]) -> SyncMatch:
        if slot in self._sessions:
            self._sessions[slot].close()
        number = next(self._numbers)
        channel = self._workers.host(self._runtime, slot)
        game = self.games[slot]
        self._slots = {of: at for of, at in self._slots.items() if at != slot} | {number: slot}
        session = HostedSession(game, self._name, views, number, channel, self._ids, self._wait_idle)
        self._sessions[slot] = session
        self._matches[slot] = SyncMatch(session, game.seats, seed)
        return self._matches[slot]

    def wait(self) -> None:
        until = time.monotonic() + Limits().deadline
        while True:
            for match in self._matches.values():
                match.pump()
            if all(session.idle for session in self._sessions.values()):
                return
            self._poll(until)

    def close(self) -> None:
        self._hub.close()
        self._logs.cleanup()

    def _wait_idle(self, session: HostedSession) -> None:
        """Wait for one of them: something is shown."""
        until = time.monotonic() + Limits().deadline
        while not session.idle:
            self._poll(until)

    def _poll(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise WorkerError(f"a game host did not answer within {Limits().deadline:g} s")
        for event in self._hub.poll(left):
            if isinstance(event, Died):
                raise WorkerError(f"a game host {event.reason}; --resume goes on from the newest checkpoint")
            match event.message:
                case m.Error():
                    raise WorkerError(f"a game host cannot go on: {event.message.text}")
                case (m.Stepped() | m.Parsed() | m.Observed()) as reply if reply.match in self._slots:
                    slot = self._slots[reply.match]
                    self._sessions[slot].reply(self._matches[slot].match, reply)
                case _:
                    pass
