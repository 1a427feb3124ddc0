"""The arena's end of a worker on another machine, behind a worker server (arena/supervisor/worker_server.py).

A Link is one connection under CURVE. ZeroMQ reports nothing of a peer that is away or refuses us, and retries for
ever; a Link listens to the socket's monitor, and says what is wrong.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from arena import commands
from arena.errors import InputError, ProtocolError, WorkerError
from arena.game import GameSpec
from arena.operator import OperatorKind
from arena.protocol import codec, transport
from arena.protocol import messages as m
from arena.protocol.codec import Frame
from arena.protocol.version import MAJOR, MINOR
from arena.supervisor import curve, sockets

CONNECT = 10.0  # seconds in which the other machine is reached and both have shown their keys
ANSWER = 120.0  # seconds in which a worker server says how it would host an operator: it may hash large weights
HEARTBEAT = 5.0  # seconds between heartbeats of a connection
SILENCE = 15.0  # seconds without one after which the connection is given up
_EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
)


def heartbeats(socket: zmq.Socket[bytes]) -> None:
    """Turn on heartbeats, so that a cut network is noticed although no packet says so."""
    socket.setsockopt(zmq.HEARTBEAT_IVL, int(HEARTBEAT * 1000))
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, int(SILENCE * 1000))


class Link:
    """One connection to a worker server. InputError when a key is missing here."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        own = curve.load_pair(curve.folder() / f"{curve.OWN}.key_secret", f"an operator at {address}")
        server = curve.server_key(address)
        self.address = address
        self._own = own.public
        self.connected = False  # both have shown their keys
        self.lost: str | None = None  # why the connection is of no use, in words
        self.refused = False  # for a reason that trying again does not change
        self._reached = False
        self.late = time.monotonic() + CONNECT
        self.socket = context.socket(zmq.DEALER)
        sockets.limited(self.socket)
        heartbeats(self.socket)
        self.socket.setsockopt(zmq.CURVE_SERVERKEY, server)
        self.socket.setsockopt(zmq.CURVE_PUBLICKEY, own.public)
        self.socket.setsockopt(zmq.CURVE_SECRETKEY, own.secret)
        self.socket.setsockopt(zmq.IPV6, "[" in address)
        self.monitor = self.socket.get_monitor_socket(_EVENTS)
        self.socket.connect(address)

    def send(self, frames: Sequence[Frame]) -> None:
        """Send, also before the connection stands. zmq.Again when its queue is full."""
        transport.send(self.socket, frames)

    def receive(self) -> list[Frame] | None:
        """A message that has come in, if there is one."""
        return transport.receive(self.socket)

    def look(self) -> None:
        """Read what the monitor reports."""
        while self.lost is None and self.monitor.poll(0):
            self._note(recv_monitor_message(self.monitor)["event"])
        if self.lost is None and not self.connected and time.monotonic() > self.late:
            if self._reached:
                self._lose("accepts the connection and says nothing. Is it `arena worker serve` that listens there?")
            else:
                self._lose(
                    f"cannot be reached within {CONNECT:g} s. Does `arena worker serve` run there, at this port? Is "
                    "the name right, and does a firewall let it through?"
                )

    def wait(self, until: float) -> None:
        """Wait for a message or an event until this time (time.monotonic)."""
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        poller.poll(max(0, int((until - time.monotonic()) * 1000) + 1))

    def close(self) -> None:
        """Close the connection; what was not sent is lost."""
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close(linger=0)

    def _note(self, event: int) -> None:
        match event:
            case zmq.EVENT_CONNECTED:
                self._reached = True
            case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected = True
            case zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self.refused = True
                self._lose(
                    "does not let this arena in: its key is not on the list there. On that machine: "
                    f"arena keys allow NAME '{self._own.decode()}'"
                )
            case zmq.EVENT_DISCONNECTED if self.connected:
                self._lose("is gone: the connection was lost")
            case zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED:
                self.refused = True
                file = curve.server_file(self.address, curve.folder())
                self._lose(
                    "broke off the handshake: either it is not `arena worker serve`, or its key is not the one in "
                    f"{file}. `arena worker serve` prints the right key when it starts; if it was changed for a good "
                    f"reason, delete that file, then: {commands.arena('keys', 'trust', self.address)} 'KEY'"
                )

    def _lose(self, why: str) -> None:
        self.lost = f"{self.address} {why}"


class RemoteWorker:
    """A worker that a worker server starts: to the Hub what a WorkerProcess is."""

    pid = None
    log = None

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, hire: m.Hire) -> None:
        self.link = Link(context, address)
        self._gone: m.Gone | None = None
        self.link.send(codec.encode(hire))

    @property
    def watched(self) -> Sequence[Any]:
        """What the Hub polls."""
        return (self.link.socket, self.link.monitor)

    @property
    def exited(self) -> bool:
        """The worker server said so, or cannot be heard any more."""
        self.link.look()
        return self._gone is not None or self.link.lost is not None

    @property
    def refused(self) -> bool:
        """The worker server refuses us."""
        return self.link.refused

    @property
    def self_inflicted(self) -> bool:
        """It ended by itself, or was never reached."""
        return self._gone.self_inflicted if self._gone is not None else not self.link.connected

    def how(self) -> str:
        """How it ended, in words."""
        return self._gone.reason if self._gone is not None else self.link.lost or "still runs"

    def left(self, gone: m.Gone) -> None:
        """Note what the worker server said of its end."""
        self._gone = gone

    def signal(self, number: signal.Signals) -> None:
        """A process of another machine gets no signal: it is ended there once the connection is closed."""

    def wait(self, timeout: float) -> bool:
        """Whether it ended within `timeout` seconds; other messages of it are dropped meanwhile."""
        until = time.monotonic() + timeout
        while self.link.connected and not self.exited:
            if time.monotonic() >= until:
                return False
            self.link.wait(until)
            while (frames := self.link.receive()) is not None:
                with contextlib.suppress(ProtocolError):
                    message = codec.decode_to_arena(frames)
                    if isinstance(message, m.Gone):
                        self.left(message)
        return True

    def reap(self) -> None:
        """Close the connection; the worker server then ends what is left of the worker."""
        self.link.close()


def inquire(address: str, question: m.Inquire) -> m.Terms:
    """What the worker server at `address` answers. InputError or WorkerError says why there is no answer."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        link = Link(context, address)
        try:
            link.send(codec.encode(question))
            return _answer(link)
        finally:
            link.close()
    finally:
        context.term()


def _answer(link: Link) -> m.Terms:
    late = time.monotonic() + ANSWER
    while time.monotonic() < late:
        link.wait(late if link.connected else min(late, link.late))
        link.look()
        frames = link.receive()
        if frames is not None:
            try:
                message = codec.decode_to_arena(frames)
            except ProtocolError as error:
                raise WorkerError(f"{link.address} answers what cannot be read: {error}") from error
            if isinstance(message, m.Terms):
                return message
            if isinstance(message, m.Error):
                sort = InputError if message.code == "refused" else WorkerError
                raise sort(f"{link.address} answers: {message.text}")
        if link.lost is not None:
            raise (InputError if link.refused else WorkerError)(link.lost)
    raise WorkerError(f"{link.address} did not say within {ANSWER:g} s how it would host the operator")


def resolve_options(
    kind: OperatorKind, address: str, what: str, options: Mapping[str, Any], spec: GameSpec
) -> tuple[OperatorKind, str, Mapping[str, Any]]:
    """(kind, what, options) as the machine at `address` resolves them: files are looked for there and hashed there.

    The kind that is returned answers `views` and `fingerprint` for this game with what was learnt there.
    """
    question = m.Inquire(major=MAJOR, minor=MINOR, kind=kind.name, what=what, options=dict(options), spec=spec)
    terms = inquire(address, question)
    bound = dataclasses.replace(
        kind, views=lambda spec, what, options: terms.views, fingerprint=lambda spec, what, options: terms.fingerprint
    )
    return bound, terms.what, terms.options


def check_address(text: str, given: str) -> None:
    """InputError when `@at=TEXT` names no address; only TCP is spoken between machines."""
    curve.parse_address(text, f"operator {given!r}: at=")
