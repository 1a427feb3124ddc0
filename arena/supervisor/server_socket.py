"""The network side of a worker server: a ROUTER under CURVE on TCP with key authentication, and its monitor."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

import zmq
from zmq.utils.monitor import recv_monitor_message

from arena.errors import InputError, sentence
from arena.protocol import codec, transport
from arena.protocol import messages as m
from arena.protocol.codec import Frame
from arena.supervisor import sockets
from arena.supervisor.curve import Pair
from arena.supervisor.key_authenticator import KeyAuthenticator, refusal
from arena.supervisor.remote import heartbeats

LINGER = 1000  # milliseconds in which the last messages still go out
_EVENTS = zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL


class FromArena(NamedTuple):
    """A message, the connection that it came by, and the public key of its sender."""

    peer: bytes
    key: str
    frames: list[Frame]


class ServerSocket:
    """Listens at an address. InputError when it cannot; nothing is left open then."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], listen: str, pair: Pair, keys: KeyAuthenticator
    ) -> None:
        self._keys = keys
        self._socket = sockets.router(context)
        heartbeats(self._socket)
        self._socket.setsockopt(zmq.IPV6, "[" in listen)
        self._monitor = self._socket.get_monitor_socket(_EVENTS)
        try:
            keys.open(context)  # before anybody can connect
            keys.guard(self._socket, pair)
            self._socket.bind(listen)
        except zmq.ZMQError as error:
            self.close()
            why = zmq.strerror(error.errno or 0)
            raise InputError(f"cannot listen at {listen}: {sentence(why)} Name a free port of this machine") from None
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    @property
    def watched(self) -> tuple[zmq.Socket[bytes], ...]:
        """What is polled for it."""
        return (self._socket, self._monitor)

    def receive(self) -> FromArena | None:
        """A message that has come in, if there is one."""
        try:
            first = self._socket.recv(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        return FromArena(first.bytes, str(first.get("User-Id")), transport.receive(self._socket) or [])

    def send(self, peer: bytes, frames: Sequence[Frame]) -> Literal["sent", "full", "gone"]:
        """Send, or say that the peer does not read, or that its connection has ended."""
        try:
            transport.send(self._socket, [peer, *frames])
        except zmq.Again:
            return "full"
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return "gone"
        return "sent"

    def tell(self, peer: bytes, message: m.Message) -> Literal["sent", "full", "gone"]:
        """As `send`, of a message of one's own."""
        return self.send(peer, codec.encode(message))

    def look(self) -> bool:
        """Return whether a connection has ended since the last call; failed handshakes are reported."""
        ended = False
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)
            if event["event"] == zmq.EVENT_DISCONNECTED:
                ended = True
            else:
                self._keys.note(refusal(int(event["value"])))
        return ended

    def close(self) -> None:
        """Send what is left, and close the socket."""
        with contextlib.suppress(zmq.ZMQError):
            self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=LINGER)
        self._keys.close()
