"""WorkerServer: starts workers on this machine for arenas of other machines, and passes their messages on.

To a worker it looks like an arena: an address and a token in the environment, a pipe as a lifeline, a private socket.
To arenas it is a ROUTER under CURVE on TCP that accepts the keys of a list. An arena hires a worker, and from then on
whole messages pass in both directions unchanged. One connection is one worker: when one of the two ends, so does the
other.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from arena.errors import ArenaError, InputError, ProtocolError
from arena.operator import worker_threads
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.codec import Frame
from arena.supervisor import sockets
from arena.supervisor.connection import FullError, GoneError
from arena.supervisor.curve import Pair
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.key_authenticator import KeyAuthenticator
from arena.supervisor.listener import Listener, Message, Rejected
from arena.supervisor.process import WorkerProcess
from arena.supervisor.server_socket import ServerSocket
from arena.supervisor.service import Service, check_major
from arena.supervisor.worker_pool import worker_command

PROBE = 5.0  # seconds between probes whether the arenas are still there
FIRST_PROBE = 0.02  # seconds before the first probe after a connection has ended; doubles up to PROBE
GRACE = 2.0  # seconds in which workers leave when the worker server is stopped
LAST = 200  # most reads of the socket for the last messages of a dead worker
FAIR = 1000  # messages taken from one side before the others are served


@dataclass(slots=True, eq=False)
class _HiredWorker:
    """A worker and the arena that it works for."""

    number: int
    peer: bytes
    token: str
    process: WorkerProcess
    options: dict[str, Any]
    since: float
    welcomed: bool = False


class WorkerServer:
    """Serves until a signal comes; `close` leaves no process behind. InputError when it cannot listen."""

    def __init__(
        self,
        offer: Service,
        listen: str,
        pair: Pair,
        keys: KeyAuthenticator,
        logs: Path,
        most: int,
        say: Callable[[str], None],
        interrupts: Interrupts | None = None,
    ) -> None:
        self._service = offer
        self._logs = logs
        self._most = most
        self._say = say
        self._interrupts = interrupts
        self._by_peer: dict[bytes, _HiredWorker] = {}
        self._by_worker: dict[str, _HiredWorker] = {}  # by token
        self._count = 0
        self._interval, self._probe_at = PROBE, 0.0
        self._folder = sockets.Folder()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._listener = Listener(self._folder.socket)
        self._keys = keys
        try:
            self._socket = ServerSocket(self._context, listen, pair, keys)
        except InputError:
            self._release()
            raise
        self.address = self._socket.address
        self._poller = zmq.Poller()
        for watched in (*self._socket.watched, self._listener.fileno(), *([interrupts.fileno()] if interrupts else [])):
            self._poller.register(watched, zmq.POLLIN)

    def serve(self) -> None:
        """Serve until a signal comes: KeyboardInterrupt."""
        while True:
            waited = [what for what, _ in self._poller.poll(self._patience()) if what != self._listener.fileno()]
            if self._interrupts is not None:
                self._interrupts.check()
            if self._socket.look():  # some arena may be gone; ZeroMQ does not say which, and the next probes find out
                self._interval = FIRST_PROBE
                self._probe_at = time.monotonic() + FIRST_PROBE
            self._hear_arenas()
            self._hear_workers()
            if any(isinstance(what, int) for what in waited) or not hasattr(os, "pidfd_open"):
                for hired in [h for h in self._by_peer.values() if h.process.exited]:
                    self._drain_channel(hired)
            if time.monotonic() >= self._probe_at:
                self._probe()

    def close(self) -> None:
        """End every worker, tell their arenas, release the sockets."""
        left = list(self._by_peer.values())
        try:
            for hired in left:
                hired.process.signal(signal.SIGTERM)
            until = time.monotonic() + GRACE
            for hired in left:
                hired.process.wait(max(0.0, until - time.monotonic()))
        finally:
            for hired in left:
                self._end(hired, "was ended: `arena worker serve` was stopped there", self_inflicted=False)
            self._socket.close()
            self._release()

    def _release(self) -> None:
        self._listener.close()
        self._context.term()
        self._folder.remove()

    # --- what comes in ---------------------------------------------------------------------------------------------

    def _patience(self) -> int | None:
        if not self._by_peer:
            return None
        wait = self._probe_at - time.monotonic()
        if not hasattr(os, "pidfd_open"):
            wait = min(wait, 0.2)
        return max(0, math.ceil(wait * 1000))

    def _hear_arenas(self) -> None:
        for _ in range(FAIR):
            received = self._socket.receive()
            if received is None:
                return
            hired = self._by_peer.get(received.peer)
            if hired is None:
                self._from_new_arena(*received)
            elif hired.welcomed:
                self._to_worker(hired, received.frames)
            else:
                self._before_welcome(hired, received.frames)

    def _hear_workers(self) -> bool:
        """Take what has come; return whether there was anything."""
        arrivals = self._listener.receive()
        for arrival in arrivals:
            if isinstance(arrival, Rejected):
                for hired in [h for h in self._by_peer.values() if h.process.pid == arrival.group]:
                    self._end(hired, arrival.why, self_inflicted=True)
                continue
            known = self._by_worker.get(arrival.token)
            if known is None:
                continue
            if isinstance(arrival, Message):
                self._to_arena(known, arrival.frames)
            elif arrival.why is not None:
                self._end(known, arrival.why, self_inflicted=True)
            elif not known.process.wait(GRACE):  # else its handle says how it ended
                self._end(known, "closed its connection", self_inflicted=True)
        return bool(arrivals)

    def _from_new_arena(self, peer: bytes, key: str, frames: list[Frame]) -> None:
        """Answer an arena that has hired no worker yet."""
        try:
            message = codec.decode_to_worker(frames)
            match message:
                case m.Inquire():
                    self._socket.tell(peer, self._service.terms(message))
                case m.Hire():
                    self._hire(peer, self._keys.name(key), message)
                case m.Ping():
                    self._socket.tell(peer, m.Pong(n=message.n))
                case m.Error() | m.Pong():
                    pass
                case _:
                    self._socket.tell(peer, m.Error(code="unexpected", text="expected HIRE or INQUIRE"))
        except codec.UnknownMessageError as error:
            self._socket.tell(peer, m.Error(code="unknown_message", text=str(error)))
        except ProtocolError as error:
            self._socket.tell(peer, m.Error(code="malformed", text=str(error)))
        except InputError as error:
            self._socket.tell(peer, m.Error(code="refused", text=str(error)))
        except ArenaError as error:
            self._socket.tell(peer, m.Error(code="failed", text=str(error)))
        except Exception as error:  # noqa: BLE001 - a plugin's resolve_options, views or fingerprint: the boundary to it
            self._say(f"{type(error).__name__}: {error}")
            self._socket.tell(peer, m.Error(code="failed", text=f"{type(error).__name__}: {error}"))

    def _hire(self, peer: bytes, who: str, message: m.Hire) -> None:
        check_major(message.major)
        if len(self._by_peer) >= self._most:
            text = f"all {self._most} workers that it may run are taken (arena worker serve --max)"
            self._socket.tell(peer, m.Error(code="backend", text=text))
            return
        if message.token in self._by_worker:
            raise InputError("another worker has this token")
        options = dict(self._service.resolve_options(None, message.kind, message.what, message.options))
        self._count += 1
        kind = self._service.kind
        log = self._logs / f"{sockets.file_name(kind.name)}-{self._count}.log"
        process = WorkerProcess(
            worker_command(kind, self._service.what, options),
            sockets.environment(self._listener.address, message.token, worker_threads(kind, options)),
            log,
        )
        self._listener.expect(message.token)
        hired = _HiredWorker(self._count, peer, message.token, process, options, time.monotonic())
        self._by_peer[peer] = self._by_worker[message.token] = hired
        if process.handle is not None:
            self._poller.register(process.handle, zmq.POLLIN)
        self._probe_at = min(self._probe_at or math.inf, time.monotonic() + self._interval)
        self._say(f"worker {self._count} hired by {who}: process {process.pid}, log {log}")

    def _before_welcome(self, hired: _HiredWorker, frames: list[Frame]) -> None:
        """Pass on what is understood until WELCOME has passed, and a WELCOME only with the resolved options."""
        try:
            message = codec.decode_to_worker(frames)
        except ProtocolError as error:
            self._end(hired, f"was ended: its arena broke the protocol: {error}", self_inflicted=False)
            return
        match message:
            case m.Welcome():
                if (message.what, message.options) != (self._service.what, hired.options):
                    text = "was ended: its arena's WELCOME has other options than those that were resolved here"
                    self._end(hired, text, self_inflicted=False)
                    return
                hired.welcomed = True
            case m.Error() | m.Ping() | m.Pong() | m.Shutdown():
                pass
            case _:
                text = f"was ended: its arena sent {type(message).__name__} before WELCOME"
                self._end(hired, text, self_inflicted=False)
                return
        self._to_worker(hired, codec.encode(message))

    # --- what goes out ---------------------------------------------------------------------------------------------

    def _to_worker(self, hired: _HiredWorker, frames: list[Frame]) -> None:
        try:
            self._listener.send(hired.token, frames)
        except FullError:
            self._end(hired, "its queue is full: it does not read", self_inflicted=True)
        except GoneError:
            if not hired.process.wait(GRACE):  # else its handle says how it ended
                self._end(hired, "closed its connection", self_inflicted=True)

    def _to_arena(self, hired: _HiredWorker, frames: list[Frame]) -> None:
        if self._service.kind.interactive:
            self._show_address(frames)
        match self._socket.send(hired.peer, frames):
            case "full":
                self._end(hired, "was ended: its arena does not read", self_inflicted=False)
            case "gone":
                self._end(hired, "was ended: its arena is gone", self_inflicted=False)

    def _show_address(self, frames: list[Frame]) -> None:
        """Print the address of a person's page: the person most likely sits at this machine."""
        with contextlib.suppress(ProtocolError):
            message = codec.decode_to_arena(frames)
            if isinstance(message, m.Status) and message.address:
                self._say(f"{message.text}: {message.address}")

    # --- ends ------------------------------------------------------------------------------------------------------

    def _drain_channel(self, hired: _HiredWorker) -> None:
        """Take what a dead worker had sent before it died; then end it."""
        for _ in range(LAST):
            if not self._hear_workers():
                break
        self._end(hired, hired.process.how(), hired.process.self_inflicted)

    def _end(self, hired: _HiredWorker, how: str, self_inflicted: bool) -> None:
        """Kill the worker's group, forget it, and tell its arena."""
        if self._by_peer.pop(hired.peer, None) is None:
            return
        del self._by_worker[hired.token]
        self._listener.forget(hired.token)
        if hired.process.handle is not None:
            self._poller.unregister(hired.process.handle)
        hired.process.reap()
        self._socket.tell(
            hired.peer, m.Gone(reason=f"{how} (its log is there: {hired.process.log})", self_inflicted=self_inflicted)
        )
        self._say(f"worker {hired.number} {how}, after {time.monotonic() - hired.since:.1f} s")

    def _probe(self) -> None:
        """Send each arena a PONG that it did not ask for and ignores: ZeroMQ says when it is gone."""
        for hired in list(self._by_peer.values()):
            hired.process.trim()
            if self._socket.tell(hired.peer, m.Pong()) == "gone":
                self._end(hired, "was ended: its arena is gone", self_inflicted=False)
        self._interval = min(PROBE, self._interval * 2)
        self._probe_at = time.monotonic() + self._interval
