"""KeyAuthenticator: which public keys may connect. ZeroMQ asks it at every handshake (ZAP).

It fails closed: a connection that gets no answer is refused, because the socket enforces its domain.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.constants import Event

from arena import commands
from arena.errors import InputError
from arena.supervisor import curve

DOMAIN = "arena"
AGAIN = 60.0  # seconds in which a message is not repeated: ZeroMQ's clients try ten times a second


class KeyAuthenticator:
    """Accepts the public keys of a file or a folder, which is read at every handshake: a change needs no restart."""

    def __init__(self, where: Path, say: Callable[[str], None]) -> None:
        self._where = where
        self._say = say
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()  # the authenticator asks from a thread of its own
        self._authenticator: ThreadAuthenticator | None = None

    def open(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Answer the handshakes of this context's sockets. Before any of them is bound."""
        self._authenticator = ThreadAuthenticator(context)
        self._authenticator.configure_curve_callback(DOMAIN, self)
        self._authenticator.start()

    def guard(self, socket: zmq.Socket[bytes], pair: curve.Pair) -> None:
        """Set up CURVE and this authenticator on a socket that is not bound yet."""
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, pair.secret)
        socket.setsockopt_string(zmq.ZAP_DOMAIN, DOMAIN)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)

    def close(self) -> None:
        """Stop answering."""
        if self._authenticator is not None:
            self._authenticator.stop()
            self._authenticator = None

    def callback(self, domain: str, key: bytes) -> bool:
        """Return whether this public key may connect; called by pyzmq, in a thread of its own."""
        try:
            known = curve.allowed(self._where)
        except InputError as error:
            self.note(str(error))
            return False
        if key not in known:
            self.note(
                f"refused the key '{key.decode()}': it is not in {self._where}. "
                f"If you know whose it is, let it in: {commands.arena('keys', 'allow', 'NAME')} '{key.decode()}'"
            )
        return key in known

    def name(self, key: str) -> str:
        """Return the name that the list gives a key."""
        try:
            return curve.allowed(self._where).get(key.encode(), "a key that was taken off the list")
        except InputError:
            return "a key that was taken off the list"

    def note(self, text: str) -> None:
        """Print a message, unless the same one was printed less than AGAIN seconds ago."""
        with self._lock:
            now = time.monotonic()
            if now - self._told.get(text, -AGAIN) >= AGAIN:
                self._told = {what: when for what, when in self._told.items() if now - when < AGAIN}
                self._told[text] = now
                self._say(text)


def refusal(value: int) -> str:
    """Why a handshake failed, from the monitor's value."""
    if value == Event.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
        return "refused a peer that knows another key than this server's: see `arena keys trust` on its machine"
    if value == Event.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return "refused a peer that speaks without CURVE"
    return "a peer broke off the handshake: most likely it speaks without CURVE"
