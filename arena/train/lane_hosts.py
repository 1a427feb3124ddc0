"""Where the lanes of a training run are played: in this process, or spread over game hosts."""

from __future__ import annotations

import abc
import itertools
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from arena.channel import Channel, Died
from arena.errors import WorkerError
from arena.game import Game, Move, TimeStep, Views
from arena.hosted import HostedSession
from arena.match import Match
from arena.plan import HERE, Limits
from arena.protocol import messages as m
from arena.session import LocalSession
from arena.supervisor.hub import Hub
from arena.supervisor.worker_pool import ProcessWorkers

VECTOR = Views(vector=True)


class Place(abc.ABC):
    """Many games of one player, by lane number; every call gives the time_step of each lane that it names."""

    @abc.abstractmethod
    def begin(self, seeds: Mapping[int, bytes]) -> dict[int, TimeStep]:
        """Reset these lanes."""

    @abc.abstractmethod
    def step(self, actions: Mapping[int, int]) -> dict[int, TimeStep]:
        """One decision of these lanes."""

    def close(self) -> None:  # noqa: B027 - a place in this process holds nothing
        """End what was started."""


class Here(Place):
    """In this process."""

    def __init__(self, games: list[Game], views: Views = VECTOR) -> None:
        self._sessions = [LocalSession(game, [views]) for game in games]

    def begin(self, seeds: Mapping[int, bytes]) -> dict[int, TimeStep]:
        return {lane: self._sessions[lane].begin(seed) for lane, seed in seeds.items()}

    def step(self, actions: Mapping[int, int]) -> dict[int, TimeStep]:
        return {lane: self._sessions[lane].step({0: Move(action)}, cut=False) for lane, action in actions.items()}


class _Session(HostedSession):
    """A hosted session without a match: it keeps the last time_step itself."""

    last: TimeStep | None = None

    def _take(self, match: Match | None, time_step: TimeStep) -> None:
        self.last = time_step


class Hosts(Place):
    """In processes, each with its share of the lanes. WorkerError when one dies, hangs or says that it cannot."""

    def __init__(self, game: Game, name: str, runtime: str | None, hosts: int, views: Views = VECTOR) -> None:
        """`game` is never reset; `name` as plugins know it; `runtime` None: this interpreter."""
        self._game = game
        self._name = name
        self._views = [views]
        self._logs = tempfile.TemporaryDirectory(prefix="arena-lanes-")
        self._hub = Hub(Path(self._logs.name))
        self._workers = ProcessWorkers(self._hub, [], runtime or HERE, hosts)
        self._ids = itertools.count(1)
        self._matches = itertools.count(1)
        self._sessions: dict[int, tuple[int, _Session]] = {}  # lane -> (match, session)
        self._lanes: dict[int, int] = {}  # match -> lane
        until = time.monotonic() + Limits().deadline
        while not all(channel.ready for channel in self._workers.channels):
            self._poll(until)

    def begin(self, seeds: Mapping[int, bytes]) -> dict[int, TimeStep]:
        for lane, seed in seeds.items():
            if lane in self._sessions:
                match, session = self._sessions.pop(lane)
                del self._lanes[match]
                session.close()
            match = next(self._matches)
            session = _Session(self._game, self._name, self._views, match, self._channel(lane), self._ids)
            self._sessions[lane] = match, session
            self._lanes[match] = lane
            session.begin(seed)
        return self._time_steps(seeds)

    def step(self, actions: Mapping[int, int]) -> dict[int, TimeStep]:
        for lane, action in actions.items():
            self._sessions[lane][1].step({0: Move(action)}, cut=False)
        return self._time_steps(actions)

    def close(self) -> None:
        self._hub.close()
        self._logs.cleanup()

    def _channel(self, lane: int) -> Channel:
        channel = self._workers.host(lane)
        assert channel is not None
        return channel

    def _time_steps(self, lanes: Mapping[int, object]) -> dict[int, TimeStep]:
        until = time.monotonic() + Limits().deadline
        while not all(self._sessions[lane][1].idle for lane in lanes):
            self._poll(until)
        out = {}
        for lane in lanes:
            time_step = self._sessions[lane][1].last
            assert time_step is not None
            out[lane] = time_step
        return out

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
                case m.Stepped() as reply if reply.match in self._lanes:
                    self._sessions[self._lanes[reply.match]][1].reply(None, reply)
                case _:
                    pass
