"""Who hosts the operators of a training: this process, or worker processes that live as long as the training."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from arena.channel import Channel, Event, WorkerPool
from arena.local_workers import LocalWorkers
from arena.plan import Entry, Plan
from arena.supervisor.hub import Hub
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.worker_pool import ProcessWorkers

POLL = 0.01  # seconds
SERVERS = "ARENA_SERVERS"  # names the folder of the model servers that the workers of a training share


@contextlib.contextmanager
def sharing(out: Path) -> Iterator[None]:
    """Workers that are started in here share the model servers of the training in `out`, this process's as well."""
    before = os.environ.get(SERVERS)
    os.environ[SERVERS] = str((out / "servers").absolute())
    try:
        yield
    finally:
        os.environ.pop(SERVERS)
        if before is not None:
            os.environ[SERVERS] = before


@contextlib.contextmanager
def workers_of(plan: Plan, folder: Path, *, processes: bool | None = None, hosts: int = 1) -> Iterator[WorkerPool]:
    """The workers of a plan. `folder`: for what processes print. `hosts`: processes for games that need a runtime.

    Operators in this process answer fastest, and cannot be replaced; a worker process that dies is, with its weights.
    `processes`: whether each has a process of its own; None: where one of them starts a server, which may die alone.
    WorkerError as LocalWorkers and ProcessWorkers.
    """
    if processes is None:
        processes = any(starts_server(entry.options) for entry in plan.entries)
    runtimes = sorted({game.runtime for game in plan.games if game.runtime is not None})
    with contextlib.ExitStack() as stack:
        if not processes and not runtimes:
            yield stack.enter_context(LocalWorkers(plan.entries))
            return
        interrupts = stack.enter_context(Interrupts())
        hub = stack.enter_context(contextlib.closing(Hub(folder, None, interrupts, None)))
        remote = ProcessWorkers(hub, plan.entries if processes else (), runtimes, hosts)
        yield remote if processes else Hosted(stack.enter_context(LocalWorkers(plan.entries)), remote)


def starts_server(options: Mapping[str, object]) -> bool:
    """Whether an operator with these options starts a model server of its own."""
    return not options.get("url") and options.get("backend", "transformers") != "transformers"


class Hosted:
    """A WorkerPool of operators in this process and games in others."""

    def __init__(self, local: LocalWorkers, games: ProcessWorkers) -> None:
        self.ids = local.ids
        self._local = local
        self._games = games

    @property
    def loading(self) -> bool:
        return self._games.loading

    def channel(self, entry: Entry) -> Channel:
        return self._local.channel(entry)

    def host(self, runtime: str, match: int) -> Channel:
        return self._games.host(runtime, match)

    def spectators(self) -> Sequence[Channel]:
        return ()

    def poll(self, timeout: float | None) -> list[Event]:
        """What came in. Where operators wait for servers, both sides are looked at in turn."""
        events = self._local.poll(0)
        if events:
            timeout = 0
        elif self._local.waits:
            timeout = POLL if timeout is None else min(POLL, timeout)
        return events + self._games.poll(timeout)

    def replace(self, channel: Channel) -> None:
        (self._games if channel.role == "game" else self._local).replace(channel)

    def kill(self, channel: Channel, reason: str) -> None:
        (self._games if channel.role == "game" else self._local).kill(channel, reason)

    def update(self, entry: Entry, version: str, path: str) -> None:
        self._local.update(entry, version, path)
