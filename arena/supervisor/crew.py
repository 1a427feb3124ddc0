"""Crew of worker processes: one worker for every distinct operator of a line-up."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from arena.channel import Channel, Event
from arena.errors import WorkerError
from arena.plan import Entry
from arena.plugins import worker_module
from arena.supervisor.hub import Hub, WorkerChannel


class ProcessCrew:
    """Starts workers in the current interpreter and replaces dead ones. The Hub owns and ends them."""

    def __init__(self, hub: Hub, lineup: Sequence[Entry]) -> None:
        self._hub = hub
        self._keys = [entry.worker_key for entry in lineup]
        self._entries = {entry.worker_key: entry for entry in lineup}
        self._channels = {key: self._launch(entry) for key, entry in self._entries.items()}

    def channel(self, slot: int) -> Channel:
        return self._channels[self._keys[slot]]

    @property
    def channels(self) -> list[WorkerChannel]:
        return list(self._channels.values())

    def poll(self, timeout: float | None) -> list[Event]:
        return self._hub.poll(timeout)

    def replace(self, channel: Channel) -> None:
        for key, current in self._channels.items():
            if current is channel:
                self._channels[key] = self._launch(self._entries[key])
                return
        raise WorkerError(f"{channel.name} serves no seat")

    def kill(self, channel: Channel, reason: str) -> None:
        assert isinstance(channel, WorkerChannel)
        self._hub.bury(channel, reason, own_doing=False)

    def _launch(self, entry: Entry) -> WorkerChannel:
        kind = entry.kind
        if kind.command is not None:
            command = list(kind.command(entry.what, entry.options))
        else:
            command = [sys.executable, "-P", "-m", worker_module(kind.worker), kind.target]
        return self._hub.launch(entry.name, command, entry.what, entry.options)
