"""Where the lanes of a training run are played: in this process, or spread over game hosts."""

from __future__ import annotations

import abc
import itertools
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from arena.channel import Channel, Died
from arena.errors import WorkerError
from arena.game import Game, StepResult, Views
from arena.hosted import HostedStage
from arena.plan import HERE, Limits
from arena.protocol import codec
from arena.protocol import messages as m
from arena.stage import LocalStage, Scene
from arena.supervisor.crew import ProcessCrew
from arena.supervisor.hub import Hub

VECTOR = Views(vector=True)


class Place(abc.ABC):
    """Many games of one player, by lane number; every call gives the scene of each lane that it names."""

    @abc.abstractmethod
    def begin(self, seeds: Mapping[int, bytes]) -> dict[int, Scene]:
        """Reset these lanes."""

    @abc.abstractmethod
    def step(self, actions: Mapping[int, int]) -> dict[int, Scene]:
        """One decision of these lanes."""

    def close(self) -> None:  # noqa: B027 - a place in this process holds nothing
        """End what was started."""


class Here(Place):
    """In this process."""

    def __init__(self, games: list[Game], views: Views = VECTOR) -> None:
        self._stages = [LocalStage(game, [views]) for game in games]

    def begin(self, seeds: Mapping[int, bytes]) -> dict[int, Scene]:
        return {lane: self._stages[lane].begin(seed) for lane, seed in seeds.items()}

    def step(self, actions: Mapping[int, int]) -> dict[int, Scene]:
        return {lane: self._stages[lane].step({0: action}, cut=False) for lane, action in actions.items()}


class _Stage(HostedStage):
    """A hosted stage without a match: it keeps the last scene itself."""

    last: Scene | None = None

    def _scene(self, result: StepResult, seats: Sequence[m.SeatView], buffers: codec.Frames) -> Scene:
        scene = super()._scene(result, seats, buffers)
        seen = {seat: codec.unfold(one) for seat, one in scene.observations.items()}
        self.last = msgspec.structs.replace(scene, observations=seen)
        return self.last


class Hosts(Place):
    """In processes, each with its share of the lanes. WorkerError when one dies, hangs or says that it cannot."""

    def __init__(self, game: Game, name: str, runtime: str | None, hosts: int, views: Views = VECTOR) -> None:
        """`game` is never reset; `name` as plugins know it; `runtime` None: this interpreter."""
        self._game = game
        self._name = name
        self._views = [views]
        self._logs = tempfile.TemporaryDirectory(prefix="arena-lanes-")
        self._hub = Hub(Path(self._logs.name))
        self._crew = ProcessCrew(self._hub, [], runtime or HERE, hosts)
        self._ids = itertools.count(1)
        self._matches = itertools.count(1)
        self._stages: dict[int, tuple[int, _Stage]] = {}  # lane -> (match, stage)
        self._lanes: dict[int, int] = {}  # match -> lane
        until = time.monotonic() + Limits().deadline
        while not all(channel.ready for channel in self._crew.channels):
            self._poll(until)

    def begin(self, seeds: Mapping[int, bytes]) -> dict[int, Scene]:
        for lane, seed in seeds.items():
            if lane in self._stages:
                match, stage = self._stages.pop(lane)
                del self._lanes[match]
                stage.close()
            match = next(self._matches)
            stage = _Stage(self._game, self._name, self._views, match, self._channel(lane), self._ids)
            self._stages[lane] = match, stage
            self._lanes[match] = lane
            stage.begin(seed)
        return self._scenes(seeds)

    def step(self, actions: Mapping[int, int]) -> dict[int, Scene]:
        for lane, action in actions.items():
            self._stages[lane][1].step({0: action}, cut=False)
        return self._scenes(actions)

    def close(self) -> None:
        self._hub.close()
        self._logs.cleanup()

    def _channel(self, lane: int) -> Channel:
        channel = self._crew.host(lane)
        assert channel is not None
        return channel

    def _scenes(self, lanes: Mapping[int, object]) -> dict[int, Scene]:
        until = time.monotonic() + Limits().deadline
        while not all(self._stages[lane][1].idle for lane in lanes):
            self._poll(until)
        out = {}
        for lane in lanes:
            scene = self._stages[lane][1].last
            assert scene is not None
            out[lane] = scene
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
                case (m.Stepped() | m.Shown()) as reply if reply.match in self._lanes:
                    self._stages[self._lanes[reply.match]][1].reply(None, reply, event.buffers)
                case _:
                    pass
