"""ProcessWorkers: one worker process for each distinct operator of a line-up, and the hosts of a hosted game."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arena.channel import Channel, Event
from arena.errors import WorkerError
from arena.operator import OperatorKind
from arena.plan import HERE, Entry
from arena.plugins import worker_module
from arena.supervisor.hub import Hub, WorkerChannel
from arena.supervisor.runtime.use import interpreter
from arena.weights import WeightUpdates


class ProcessWorkers:
    """Starts workers and replaces dead ones. The Hub owns and ends them."""

    def __init__(
        self,
        hub: Hub,
        entries: Sequence[Entry],
        runtimes: Sequence[str] = (),
        hosts: int = 1,
        watch: Entry | None = None,
    ) -> None:
        """`runtimes`: of the games that are hosted, see PlannedGame. `hosts`: processes that share the matches of one.

        `watch`: who shows the matches to people who only watch.
        """
        self.ids: Iterator[int] = itertools.count(1)
        self._hub = hub
        self._all = tuple(entries)
        self._entries: dict[str, Entry] = {}  # by worker key
        for entry in entries:
            self._entries.setdefault(entry.worker_key, entry)
        self._channels = {key: self._launch(entry) for key, entry in self._entries.items()}
        self._updates = WeightUpdates(hub.poll)
        self._weights: dict[str, tuple[str, str]] = {}  # by key: the version and path of the last update
        self._without: set[str] = set()  # keys whose worker is a new one, and has not got them yet
        self._hosts = {(runtime, number): self._launch_host(runtime) for runtime in runtimes for number in range(hosts)}
        self._host_count = hosts
        self._spectators = [self._launch_spectator(watch)] if watch is not None else []

    @property
    def loading(self) -> bool:
        return bool(self._without) or any(one.alive and not one.ready for one in self.channels)

    def channel(self, entry: Entry) -> Channel:
        return self._channels[entry.worker_key]

    def host(self, runtime: str, match: int) -> Channel:
        return self._hosts[runtime, match % self._host_count]

    @property
    def channels(self) -> list[WorkerChannel]:
        return [*self._channels.values(), *self._hosts.values(), *self._spectators]

    def spectators(self) -> Sequence[Channel]:
        return [channel for channel in self._spectators if channel.alive]

    def poll(self, timeout: float | None) -> list[Event]:
        events = self._updates.kept() or self._hub.poll(timeout)
        for key in [key for key in self._without if self._channels[key].ready]:
            self._without.discard(key)
            try:
                self._updates.send(self._channels[key], *self._weights[key])
            except WorkerError:
                if self._channels[key].alive:  # else its Died is among the events
                    raise
        return events + self._updates.kept()

    def update(self, entry: Entry, version: str, path: str) -> None:
        key = entry.worker_key
        channel = self._channels[key]
        if channel.alive:
            try:
                self._updates.send(channel, version, path)
            except WorkerError:
                if channel.alive:
                    raise
        if not channel.alive:  # maybe long ago, and not of these weights; if the next one dies, it is of them
            self.replace(channel)
            self._updates.send(self._channels[key], version, path)
        self._weights[key] = version, path
        self._without.discard(key)

    def replace(self, channel: Channel) -> None:
        for (runtime, number), host in self._hosts.items():
            if host is channel:
                self._hosts[runtime, number] = self._launch_host(runtime)
                return
        for key, current in self._channels.items():
            if current is channel:
                self._channels[key] = self._launch(self._entries[key])
                if key in self._weights:
                    self._without.add(key)
                return
        if not isinstance(channel, WorkerChannel) or channel.alive:
            raise WorkerError(f"{channel.name} serves no seat")  # else it was replaced before its death was told

    def kill(self, channel: Channel, reason: str) -> None:
        assert isinstance(channel, WorkerChannel)
        self._hub.mark_dead(channel, reason, self_inflicted=False)

    def _launch_host(self, runtime: str) -> WorkerChannel:
        python = sys.executable if runtime == HERE else str(interpreter(runtime))
        channel = self._hub.launch("game", [python, "-P", "-m", worker_module("games")], "", {})
        channel.role = "game"
        return channel

    def _launch_spectator(self, entry: Entry) -> WorkerChannel:
        channel = self._launch(entry)
        channel.role = "spectator"
        return channel

    def _launch(self, entry: Entry) -> WorkerChannel:
        if entry.at is not None:
            channel = self._hub.hire(entry.name, entry.at, entry.kind.name, entry.what, entry.options)
        else:
            command = worker_command(entry.kind, entry.what, entry.options)
            channel = self._hub.launch(entry.name, command, entry.what, entry.options, entry.threads)
        channel.limit(entry.max_in_flight)
        names = [one.name for one in self._all if one.worker_key == entry.worker_key]
        channel.operators = tuple(dict.fromkeys(names))
        return channel


def worker_command(kind: OperatorKind, what: str, options: Mapping[str, Any]) -> list[str]:
    """The program and the arguments of a worker that hosts this operator on this machine."""
    if kind.command is not None:
        return list(kind.command(what, options))
    python = sys.executable if kind.runtime is None else str(interpreter(kind.runtime))
    return [python, "-P", "-m", worker_module(kind.worker), kind.target]
