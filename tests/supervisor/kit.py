"""Real processes for tests: a hub whose end is checked, and pools of peers that misbehave."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from arena.channel import Event, Received
from arena.observer import Observer
from arena.plan import Entry, Plan
from arena.play import describe
from arena.protocol import messages as m
from arena.record.reader import Run
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.supervisor.hub import Hub, WorkerChannel
from arena.supervisor.worker_pool import ProcessWorkers
from tests.toys import kind_of

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).with_name("peers.py")
LONGEST = 60.0  # seconds that something broken is waited for


def peer_command(name: str) -> list[str]:
    return [sys.executable, "-P", str(PEERS), name]


class WorkerPool(ProcessWorkers):
    """A kind whose target is "peer:NAME" is run by peers.py, others by the Python worker."""

    def _launch(self, entry: Entry) -> WorkerChannel:
        where, _, name = entry.kind.target.partition(":")
        if where != "peer":
            return super()._launch(entry)
        return self._hub.launch(entry.name, peer_command(name), entry.what, entry.options)


def peer_kind(name: str):  # type: ignore[no-untyped-def]
    return kind_of(name, f"peer:{name}")


def members(groups: Sequence[int]) -> list[psutil.Process]:
    """Living processes of these process groups."""
    out = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) in groups and process.status() != psutil.STATUS_ZOMBIE:
                out.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return out


@contextmanager
def watched_hub(folder: Path) -> Iterator[Hub]:
    """A Hub in which every worker is noted; when it is closed, nothing of it may be left."""
    hub = Hub(folder)
    groups: list[int] = []
    launch = hub.launch

    def noting(*args: object) -> WorkerChannel:
        channel = launch(*args)  # type: ignore[arg-type]
        groups.append(channel.process.pid)
        return channel

    hub.launch = noting  # type: ignore[method-assign]
    sockets = Path(hub._folder)
    try:
        yield hub
    finally:
        hub.close()
    # A killed process takes a moment to be gone.
    assert psutil.wait_procs(members(groups), timeout=LONGEST)[1] == [], "processes are left behind"
    assert [child.pid for child in psutil.Process().children() if child.pid in groups] == [], "zombies are left behind"
    assert not sockets.exists()


def play(
    plan: Plan, out: Path, *, concurrency: int = 4, watch: Entry | None = None, observer: Observer | None = None
) -> Run:
    """Play with real processes; the run folder. Nothing is left behind, also when it raises."""
    recorder = Recorder(out, describe(plan))
    try:
        with watched_hub(out / "workers") as hub:
            workers = WorkerPool(hub, plan.entries, watch=watch)
            Scheduler(plan, workers, concurrency=concurrency, recorder=recorder, observer=observer).run()
    finally:
        recorder.close()
    return Run(out)


def until(hub: Hub, wanted: Callable[[Event], bool]) -> Event:
    """The first event that is wanted."""
    while True:
        for event in hub.poll(LONGEST):
            if wanted(event):
                return event


def said(hub: Hub, channel: WorkerChannel) -> str:
    """The text of the worker's next status that has one."""

    def told(event: Event) -> bool:
        return isinstance(event, Received) and event.channel is channel and bool(getattr(event.message, "text", ""))

    event = until(hub, told)
    assert isinstance(event, Received)
    assert isinstance(event.message, m.Status)
    return event.message.text


class Witness:
    """Waits for the end of a process that need not be a child of ours."""

    def __init__(self, pid: int) -> None:
        self.handle = os.pidfd_open(pid)

    def ended(self) -> bool:
        """Whether it ends within LONGEST."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        out = bool(poll.poll(LONGEST * 1000))
        os.close(self.handle)
        return out


def arena_of_parents() -> None:
    """For a subprocess: an arena with two workers that have a child each; prints their numbers and waits."""
    hub = Hub(Path(sys.argv[1]))
    numbers = []
    for command in (
        peer_command("parent"),
        [sys.executable, "-P", "-m", "arena_workers.host", "tests.toys_ops:has_child"],
    ):
        channel = hub.launch("x", command, "", {})
        numbers += [channel.process.pid, int(said(hub, channel).split()[-1])]
    print(*numbers, flush=True)
    signal.pause()


if __name__ == "__main__":
    arena_of_parents()
