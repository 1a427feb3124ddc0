"""Hub: where all workers of a run connect to, their handshakes, their deaths, their shutdown."""

from __future__ import annotations

import math
import os
import secrets
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import zmq

from arena.channel import Channel, Died, Event, Received
from arena.errors import ProtocolError
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.codec import Frame
from arena.protocol.connection_state import ConnectionState, ViolationError, invalid_hello
from arena.protocol.trace import Trace
from arena.protocol.version import MAGIC, MAJOR, MINOR
from arena.supervisor import sockets
from arena.supervisor.connection import FullError, GoneError
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.listener import Broken, Listener, Message, Rejected
from arena.supervisor.process import WorkerProcess
from arena.supervisor.remote import RemoteWorker
from arena.text import printable

GREETING = 60.0  # seconds in which a worker says HELLO, which it does before anything slow
STARTUP = 300.0  # seconds from there, or from the last STATUS that said something new, in which it becomes ready
LOADING = 3600.0  # and in all
GRACE = 2.0  # seconds for each step of a shutdown
LAST = 200  # most reads of the socket for the last messages of a dead worker
LONGEST_POLL = 2.0  # seconds, after which logs are looked at
TRIM = 1.0  # seconds between looks at the sizes of logs
FAIR = 1000  # messages taken before deaths and clocks are looked at: a flood must not hide them


class WorkerChannel(Channel):
    """The arena's end of one worker: a process of this machine, or one behind a worker server."""

    def __init__(self, hub: Hub, name: str, token: str, process: WorkerProcess | RemoteWorker) -> None:
        self.name = name
        self.session = secrets.token_hex(8)
        self.ready = False
        self.pid = process.pid
        self.log = process.log
        self.token = token
        self.process = process
        self.operators: tuple[str, ...] = ()  # see WELCOME
        self.hello: m.Hello | None = None
        self.alive = True
        self.refusal: m.Error | None = None  # what the worker itself said is wrong
        self.state = ConnectionState()
        self.late = time.monotonic() + GREETING  # when it must have said HELLO; then, when it must be ready
        self.latest = self.late  # which it can put off until then
        self.loading = ""  # what it said last about how far it is
        self.parted: float | None = None  # its connection has ended; when its process must have
        self._hub = hub

    def send(self, message: m.Message) -> None:
        if self.alive:
            frames = codec.encode(message)
            self.state.sent(message)
            if self._hub.trace is not None:
                self._hub.trace.note("to worker", self.name, frames)
            self._hub.route(self, frames)


class Hub:
    """Owns the socket and every worker process; `close` leaves none behind."""

    def __init__(
        self,
        logs: Path,
        on_status: Callable[[str, m.Status], None] | None = None,
        interrupts: Interrupts | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.trace = trace
        self._logs = logs
        self._interrupts = interrupts
        self._on_status = on_status or (lambda name, status: None)
        self._folder = sockets.Folder()
        self._listener = Listener(self._folder.socket)
        self._context = zmq.Context()  # of links to other machines
        self._poller = zmq.Poller()
        self._poller.register(self._listener.fileno(), zmq.POLLIN)
        if interrupts is not None:
            self._poller.register(interrupts.fileno(), zmq.POLLIN)
        self._channels: dict[str, WorkerChannel] = {}  # by token
        self._options: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._events: deque[Event] = deque()
        self._count = 0
        self.complete = False  # every match was played: what workers are told at the end
        self._remote = False  # some worker is on another machine
        self._trimmed = time.monotonic()  # when logs were last looked at
        self._turned_away = ""  # what the last connection did that was rejected
        self.dropped = 0  # messages of no live worker, or out of turn

    def launch(
        self, name: str, command: Sequence[str], what: str, options: Mapping[str, Any], threads: int | None = None
    ) -> WorkerChannel:
        """Start a worker that computes with `threads` threads (None: as it likes).

        It is of use when its `ready` is set; a failure comes as Died by poll.
        """
        self._count += 1
        token = secrets.token_hex(16)
        env = sockets.environment(self._listener.address, token, threads)
        log = self._logs / f"{sockets.file_name(name)}-{self._count}.log"
        self._listener.expect(token)
        try:
            process = WorkerProcess(command, env, log)
        except BaseException:
            self._listener.forget(token)
            raise
        return self._add(WorkerChannel(self, name, token, process), what, options)

    def hire(self, name: str, address: str, kind: str, what: str, options: Mapping[str, Any]) -> WorkerChannel:
        """As `launch`, by the worker server at this address. InputError when a key is missing here."""
        self._count += 1
        token = secrets.token_hex(16)
        hire = m.Hire(token=token, major=MAJOR, minor=MINOR, kind=kind, what=what, options=dict(options))
        remote = RemoteWorker(self._context, address, hire)
        self._remote = True
        return self._add(WorkerChannel(self, name, token, remote), what, options)

    def _add(self, channel: WorkerChannel, what: str, options: Mapping[str, Any]) -> WorkerChannel:
        self._channels[channel.token] = channel
        self._options[channel.token] = (what, options)
        for watched in channel.process.watched:
            self._poller.register(watched, zmq.POLLIN)
        return channel

    def poll(self, timeout: float | None) -> list[Event]:
        """Messages and deaths; waits at most `timeout` seconds for the first. KeyboardInterrupt after a signal."""
        if not self._events:
            self._pump(timeout)
        if self._interrupts is not None:
            self._interrupts.check()
        out = list(self._events)
        self._events.clear()
        return out

    def route(self, channel: WorkerChannel, frames: list[Frame]) -> None:
        """Send; a peer that does not take it is as good as dead."""
        try:
            if isinstance(channel.process, RemoteWorker):
                channel.process.link.send(frames)
            else:
                self._listener.send(channel.token, frames)
        except (zmq.Again, FullError):
            self.mark_dead(channel, "its queue is full: it does not read", self_inflicted=True)
        except GoneError:
            self._part(channel)

    def _part(self, channel: WorkerChannel) -> None:
        """Its connection has ended. So does its process, most likely, and its handle will say how."""
        if channel.parted is None:
            channel.parted = time.monotonic() + GRACE

    def mark_dead(self, channel: WorkerChannel, reason: str, self_inflicted: bool) -> None:
        """Kill the worker's group, release it, and report it dead once."""
        if not channel.alive:
            return
        channel.alive = False
        was_ready, channel.ready = channel.ready, False
        for watched in channel.process.watched:
            self._poller.unregister(watched)
        channel.process.reap()
        del self._channels[channel.token]
        del self._options[channel.token]
        self._listener.forget(channel.token)
        refused = channel.refusal is not None and channel.refusal.code == "refused"
        self._events.append(Died(channel, printable(reason, lines=True), self_inflicted, was_ready, refused))

    def close(self) -> None:
        """SHUTDOWN, SIGTERM, SIGKILL, each with its grace; then the socket and its folder. Interrupted: at once."""
        for channel in list(self._channels.values()):
            if channel.role == "spectator" and not channel.ready:
                self.mark_dead(
                    channel, "was not ready when the run was over", self_inflicted=False
                )  # its death is not awaited
        left = list(self._channels.values())
        try:
            for channel in left:
                if channel.hello is None:
                    channel.process.signal(signal.SIGTERM)  # it does not listen yet
                elif not channel.process.exited:
                    channel.send(m.Shutdown(reason="the run is over", complete=self.complete))
            self._listener.flush(time.monotonic() + GRACE)
            for number in (None, signal.SIGTERM):
                until = time.monotonic() + GRACE
                for channel in left:
                    if number is not None and channel.alive and not channel.process.exited:
                        channel.process.signal(number)
                for channel in left:
                    if channel.alive:
                        channel.process.wait(max(0.0, until - time.monotonic()))
        finally:
            for channel in left:
                self.mark_dead(channel, "shut down", self_inflicted=False)
            self._listener.close()
            self._context.term()
            self._folder.remove()

    # --- what comes in ---------------------------------------------------------------------------------------------

    def _pump(self, timeout: float | None) -> None:
        pending = [c for c in self._channels.values() if not c.ready or c.parted is not None]
        waited = [what for what, _ in self._poller.poll(_milliseconds(timeout, bool(pending)))]
        door = self._listener.fileno()
        if door in waited:
            waited.remove(door)
            self._drain()
        if self._remote:
            for channel in list(self._channels.values()):
                if isinstance(channel.process, RemoteWorker):
                    self._hear(channel, channel.process)
        if waited or not hasattr(os, "pidfd_open"):
            local = [c for c in self._channels.values() if isinstance(c.process, WorkerProcess)]
            for channel in [c for c in local if c.process.exited]:
                self._drain_channel(channel)
        now = time.monotonic()
        if now > self._trimmed + TRIM:
            self._trimmed = now
            for channel in self._channels.values():
                if isinstance(channel.process, WorkerProcess):
                    channel.process.trim()
        for channel in pending:
            if not channel.ready and now > channel.late:
                reason = channel.refusal.text if channel.refusal else self._too_late(channel)
                self.mark_dead(channel, reason, self_inflicted=True)
            elif channel.parted is not None and now > channel.parted:
                self.mark_dead(channel, "closed its connection", self_inflicted=True)

    def _drain(self) -> bool:
        """Take what has come; whether there was anything."""
        arrivals = self._listener.receive()
        for arrival in arrivals:
            match arrival:
                case Message():
                    channel = self._channels.get(arrival.token)
                    if channel is None:
                        self.dropped += 1
                    else:
                        self._take(channel, arrival.frames)
                case Broken():
                    channel = self._channels.get(arrival.token)
                    if channel is not None and arrival.why is not None:
                        self.mark_dead(channel, arrival.why, self_inflicted=True)
                    elif channel is not None:
                        self._part(channel)
                case Rejected():
                    self._reject(arrival)
        return bool(arrivals)

    def _reject(self, rejected: Rejected) -> None:
        """A connection came to nothing. It is a worker's doing where the kernel says that it was the worker's."""
        self.dropped += 1
        self._turned_away = rejected.why
        for channel in list(self._channels.values()):
            if rejected.group is not None and channel.pid == rejected.group:
                self.mark_dead(channel, rejected.why, self_inflicted=True)

    def _hear(self, channel: WorkerChannel, remote: RemoteWorker) -> None:
        """Take what has come over the worker's own connection; then see whether that is lost."""
        ended = remote.exited  # looked at first: what was sent before is then read before
        for _ in range(FAIR):
            received = remote.link.receive() if channel.alive else None
            if received is None:
                break
            self._take(channel, received)
        if ended and channel.alive:
            if remote.refused:
                channel.refusal = m.Error(code="refused", text=remote.how())
            self.mark_dead(channel, remote.how(), remote.self_inflicted)

    def _drain_channel(self, channel: WorkerChannel) -> None:
        """Read what a dead worker sent before it died."""
        for _ in range(LAST):
            if not channel.alive:
                return
            if not self._drain():
                break
        reason = channel.refusal.text if channel.refusal else channel.process.how()
        self.mark_dead(channel, reason, self_inflicted=channel.process.self_inflicted)

    def _take(self, channel: WorkerChannel, frames: codec.Frames) -> None:
        if self.trace is not None:
            self.trace.note("to arena", channel.name, frames)
        try:
            message = codec.decode_to_arena(frames)
        except codec.UnknownMessageError as error:
            self.dropped += 1
            try:
                channel.state.unknown()
            except ViolationError as breach:
                self.mark_dead(channel, f"broke the protocol: it {breach}", self_inflicted=True)
            else:
                channel.send(m.Error(code="unknown_message", text=str(error)))
            return
        except ProtocolError as error:
            code = "malformed" if frames and frames[0] == MAGIC else "version"
            channel.send(m.Error(code=code, text=str(error)))  # type: ignore[arg-type]
            self.mark_dead(channel, f"broke the protocol: {error}", self_inflicted=True)
            return
        if isinstance(channel.process, RemoteWorker) and isinstance(message, m.Gone):
            channel.process.left(message)
            self.mark_dead(channel, channel.process.how(), channel.process.self_inflicted)
        elif channel.hello is None:
            self._greet(channel, message)
        elif isinstance(channel.process, RemoteWorker) and isinstance(message, m.Pong):
            pass  # its worker server looks whether we are there, which is nothing that the worker said
        elif isinstance(message, m.Hello):
            self.mark_dead(channel, "sent HELLO twice", self_inflicted=True)
        else:
            try:
                channel.state.received(message, channel.session)
            except ViolationError as error:
                channel.send(m.Error(code="unexpected", text=str(error)))
                self.mark_dead(channel, f"broke the protocol: it {error}", self_inflicted=True)
                return
            self._serve(channel, message)

    def _greet(self, channel: WorkerChannel, message: m.ToArena) -> None:
        if isinstance(channel.process, RemoteWorker) and isinstance(message, (m.Error, m.Pong)):
            if isinstance(message, m.Error):  # the worker server cannot do it
                channel.refusal = message
                self.mark_dead(channel, message.text, self_inflicted=message.code != "backend")
        elif not isinstance(message, m.Hello):
            channel.send(m.Error(code="unexpected", text="expected HELLO"))
            self.mark_dead(channel, f"sent {m.name_of(message)} before HELLO", self_inflicted=True)
        elif isinstance(channel.process, RemoteWorker) and message.token != channel.token:
            channel.send(m.Error(code="token", text="wrong token"))
            self.mark_dead(channel, "gave a wrong token", self_inflicted=True)
        elif wrong := invalid_hello(message):
            channel.send(m.Error(code="unexpected", text=wrong))
            self.mark_dead(channel, wrong, self_inflicted=True)
        elif message.major != MAJOR:
            text = f"speaks protocol {message.major}.{message.minor}, this arena speaks {MAJOR}.{MINOR}"
            channel.send(m.Error(code="version", text=text))
            self.mark_dead(channel, text, self_inflicted=True)
        else:
            channel.hello = message
            channel.watches = "watch" in message.capabilities
            channel.late = time.monotonic() + STARTUP
            channel.latest = time.monotonic() + LOADING
            what, options = self._options[channel.token]
            welcome = m.Welcome(
                session=channel.session,
                minor=min(MINOR, message.minor),
                what=what,
                options=dict(options),
                operators=channel.operators,
            )
            channel.send(welcome)

    def _serve(self, channel: WorkerChannel, message: m.ToArena) -> None:
        match message:
            case m.Ping():
                channel.send(m.Pong(n=message.n))
            case m.Status():
                if message.state == "ready":
                    channel.ready = True
                    channel.limit(message.max_in_flight)
                elif message.text != channel.loading and channel.refusal is None:
                    channel.loading = message.text
                    channel.late = min(time.monotonic() + STARTUP, channel.latest)
                self._on_status(channel.name, message)
                self._events.append(Received(channel, message))
            case m.Error() if not channel.ready and message.code != "unknown_message":
                channel.refusal = message
                channel.late = time.monotonic() + GRACE  # in which it leaves by itself
            case _:
                self._events.append(Received(channel, message))

    def _too_late(self, channel: WorkerChannel) -> str:
        """What a worker that is not ready in time did not do."""
        if channel.hello is not None:
            return f"was not ready within {LOADING if channel.late == channel.latest else STARTUP:g} s"
        if self._turned_away:
            return f"said no HELLO within {GREETING:g} s; somebody {self._turned_away}"
        return f"said no HELLO within {GREETING:g} s: is it a worker? `arena check worker -- COMMAND` tells"


def _milliseconds(timeout: float | None, pending: bool) -> int:
    """How long to wait: briefly while a worker starts or ends, or where a death wakes no poll (no pidfd)."""
    wait = LONGEST_POLL if timeout is None else min(timeout, LONGEST_POLL)
    if pending or not hasattr(os, "pidfd_open"):
        wait = min(wait, 0.2)
    return max(0, math.ceil(wait * 1000))
