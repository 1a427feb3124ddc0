"""Workers in this process, for trainers, exports and tests: the messages, and so the answers, of worker processes.

An `Operator` computes while its worker is polled. An `AsyncOperator` runs on an event loop in a thread of its own, so
that what it waits for goes on meanwhile. `close` ends these threads. Nothing here can be killed or replaced.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType

from arena.channel import Channel, Died, Event, Received
from arena.errors import WorkerError
from arena.host import Host
from arena.host_async import HostThread
from arena.operator import Factory
from arena.plan import Entry
from arena.plugins import resolve
from arena.protocol import messages as m
from arena.protocol.codec import decode_to_worker, encode
from arena.protocol.version import MINOR
from arena.weights import WeightUpdates


class LocalChannel(Channel):
    """To an operator in this process. What it says is in `inbox`, put there by whatever thread says it."""

    def __init__(self, entry: Entry, factory: Factory, inbox: SimpleQueue[Event]) -> None:
        """Returns when the operator is ready. WorkerError when it cannot be built, or does not start."""
        name = entry.name
        self.name = name
        self.session = "local"
        self.ready = False
        self.inbox = inbox
        self._refusal = "it does not say why"
        self._sent: list[m.ToWorker] = []  # to its thread, which has not got it yet
        self._host = Host(factory, self._emit)
        welcome = m.Welcome(session=self.session, minor=MINOR, what=entry.what, options=dict(entry.options))
        self._host.receive(welcome)
        self._host.work()
        self.thread: HostThread | None = None
        if self._host.asynchronous is not None:
            self.thread = HostThread(name, self._host.asynchronous, self.session, self._emit, self._ended)
        self.limit(entry.max_in_flight)
        if not self.ready:
            raise WorkerError(f"operator {name} cannot run in this process: {self._refusal}")

    def send(self, message: m.Message) -> None:
        """As by wire: an operator cannot write to what it is shown, which the match hashes later.

        A thread gets it with the next `work`, with all else that it was sent: each call wakes it.
        """
        copy = decode_to_worker(encode(message))
        if self.thread is not None:
            self._sent.append(copy)
        else:
            self._host.receive(copy)

    def work(self) -> None:
        """Have the operator begin with what it was sent; a batched one has answered then."""
        if self.thread is not None and self._sent:
            sent, self._sent = self._sent, []
            self.thread.receive(sent)
        if self._host.has_work:
            self._host.work()

    def close(self) -> None:
        """Release the operator and end its thread. Open questions get no answer. A second call does nothing."""
        if self.ready:
            if self.thread is not None:
                self.work()
            self.ready = False
            (self.thread or self._host).close()

    def _emit(self, message: m.Message) -> None:
        if isinstance(message, m.Status) and message.state == "ready":
            self.limit(message.max_in_flight)
            self.ready = True
        elif isinstance(message, m.Error) and not self.ready:
            self._refusal = message.text
        self.inbox.put(Received(self, message))  # type: ignore[arg-type]

    def _ended(self, reason: str) -> None:
        """Its thread is gone, and nobody closed it."""
        if self.ready:
            self.ready = False
            self.inbox.put(Died(self, reason, self_inflicted=True, was_ready=True))


class LocalWorkers:
    """A WorkerPool of operators in this process: one worker for every distinct operator. A context manager."""

    def __init__(self, entries: Sequence[Entry], factories: Sequence[Factory] | None = None) -> None:
        """`factories`: what builds the operator of each entry instead of its kind; equal ones build one operator.

        WorkerError as LocalChannel; then none is left behind.
        """
        self.ids: Iterator[int] = itertools.count(1)
        self._updates = WeightUpdates(self._poll)
        self._inbox: SimpleQueue[Event] = SimpleQueue()
        self._channels: dict[object, LocalChannel] = {}
        self._serves: dict[tuple[str, str], LocalChannel] = {}  # by name and worker key
        try:
            for number, entry in enumerate(entries):
                worker = entry.worker_key if factories is None else factories[number]
                if worker not in self._channels:
                    factory = resolve(entry.kind.target) if factories is None else factories[number]
                    self._channels[worker] = LocalChannel(entry, factory, self._inbox)
                self._serves[entry.name, entry.worker_key] = self._channels[worker]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release every operator and end its thread."""
        for channel in self._channels.values():
            channel.close()

    def channel(self, entry: Entry) -> Channel:
        return self._serves[entry.name, entry.worker_key]

    @property
    def loading(self) -> bool:
        return False

    def host(self, runtime: str, match: int) -> Channel:
        raise WorkerError(f"a game of runtime {runtime} is not hosted in this process")

    def spectators(self) -> Sequence[Channel]:
        return ()

    def poll(self, timeout: float | None) -> list[Event]:
        """What the workers say. It waits only where one runs in a thread; the others have answered when asked."""
        return self._updates.kept() or self._poll(timeout)

    def update(self, entry: Entry, version: str, path: str) -> None:
        channel = self.channel(entry)
        if not channel.ready:
            raise WorkerError(f"{channel.name} has ended, and takes no weights")
        self._updates.send(channel, version, path)

    @property
    def waits(self) -> bool:
        """Whether an operator answers later, in a thread of its own."""
        return any(channel.thread is not None for channel in self._channels.values())

    def _poll(self, timeout: float | None) -> list[Event]:
        for channel in self._channels.values():
            channel.work()
        waits, events = self.waits, list[Event]()
        try:
            while True:
                events.append(self._inbox.get(waits and not events, timeout))
        except Empty:
            return events

    def replace(self, channel: Channel) -> None:
        raise WorkerError(f"{channel.name} runs in this process and cannot be replaced")

    def kill(self, channel: Channel, reason: str) -> None:
        raise WorkerError(f"{channel.name}: {reason}; it runs in this process and cannot be killed")
