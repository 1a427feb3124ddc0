"""The Unix socket that the workers of this machine connect to: of Hub, WorkerServer and `arena check worker`.

A worker is known by its token and by nothing else: the connection whose HELLO carries it is that worker's from then on.
A connection that sends anything else first is rejected: it gets an ERROR and is closed. So no process can speak in
another's name, or be blamed for what another said. The number of connections is bounded.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import os
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from arena.errors import ProtocolError
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.codec import Frame
from arena.protocol.version import MAGIC
from arena.supervisor.connection import Connection, FullError, GoneError

BACKLOG = 128  # connections that wait to be accepted
UNIDENTIFIED = 128  # connections at once whose HELLO has not come
EACH = 8  # of them, those of one process group; a worker needs one
HELLO_BYTES, HELLO_FRAMES = 65536, 16  # of a first message


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a worker."""

    token: str
    frames: list[Frame]


@dataclass(frozen=True, slots=True)
class Broken:
    """A worker's connection has ended: by itself (`why` None), or because it broke the protocol."""

    token: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A connection that was closed before it was known whose it is. `group`: its process group, where that is known."""

    group: int | None
    why: str


Arrival = Message | Broken | Rejected


class Listener:
    """Listens at `path`; `fileno` is readable when something has come. Not for two threads."""

    def __init__(self, path: str) -> None:
        self.address = f"ipc://{path}"
        self._selector = selectors.DefaultSelector()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(path)
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            self._selector.close()
            raise
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._limits = m.Limits()
        self._expected: set[str] = set()  # tokens whose HELLO has not come
        self._known: dict[str, Connection] = {}
        self._tokens: dict[Connection, str] = {}
        self._unidentified: dict[Connection, int | None] = {}  # and their process groups; no HELLO yet

    def fileno(self) -> int:
        return self._selector.fileno()

    def expect(self, token: str) -> None:
        """Accept a worker with this token."""
        self._expected.add(token)

    def forget(self, token: str) -> None:
        """Accept it no more, and close its connection."""
        self._expected.discard(token)
        connection = self._known.pop(token, None)
        if connection is not None:
            del self._tokens[connection]
            self._drop(connection)

    def send(self, token: str, frames: Sequence[Frame]) -> None:
        """Send one message to a worker, or queue it. FullError, GoneError."""
        connection = self._known.get(token)
        if connection is None:
            raise GoneError
        connection.send(frames)
        if connection.pending:
            self._selector.modify(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)

    def receive(self, timeout: float = 0) -> list[Arrival]:
        """Return what has come, a bounded number of messages of each worker; wait at most `timeout` seconds for it."""
        out: list[Arrival] = []
        for key, events in self._selector.select(timeout):
            if key.data is None:
                self._accept(out)
                continue
            connection: Connection = key.data
            if events & selectors.EVENT_WRITE:
                self._flush(connection)
            if events & selectors.EVENT_READ:
                self._read(connection, out)
        return out

    def flush(self, until: float) -> None:
        """Wait until what was sent has gone out, or this time (time.monotonic); what comes meanwhile is dropped."""
        while any(connection.pending for connection in self._tokens) and time.monotonic() < until:
            self.receive(max(0.0, min(0.1, until - time.monotonic())))

    def close(self) -> None:
        """Close every connection and the socket. A second call does nothing."""
        for connection in [*self._tokens, *self._unidentified]:
            self._drop(connection)
        self._tokens.clear()
        self._known.clear()
        self._selector.close()
        self._socket.close()
        if self._spare >= 0:
            os.close(self._spare)
        self._spare = -1

    # --- connections ----------------------------------------------------------------------------------------------

    def _accept(self, out: list[Arrival]) -> None:
        for _ in range(BACKLOG):
            try:
                sock, _ = self._socket.accept()
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    return  # no connection waits any more
                self._accept_and_close()
                continue
            group = None
            try:
                connection = Connection(sock, HELLO_BYTES, HELLO_FRAMES)
                group = _group(connection.pid)
            except (GoneError, OSError):
                sock.close()
                continue
            if group is not None and sum(group == one for one in self._unidentified.values()) >= EACH:
                sock.close()
                out.append(Rejected(group, f"opened more than {EACH} connections at once: one is what it needs"))
                continue
            if len(self._unidentified) >= UNIDENTIFIED:  # a worker says HELLO at once
                self._drop(next(iter(self._unidentified)))
            self._unidentified[connection] = group
            self._selector.register(sock, selectors.EVENT_READ, connection)

    def _accept_and_close(self) -> None:
        """This process may open no more files: a spare one is given up to close a connection that waits."""
        os.close(self._spare)
        with contextlib.suppress(OSError):
            self._socket.accept()[0].close()
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def _read(self, connection: Connection, out: list[Arrival]) -> None:
        token = self._tokens.get(connection)
        unknown = connection in self._unidentified
        if token is None and not unknown:  # it was dropped a moment ago
            return
        try:
            messages = connection.receive()
        except GoneError:
            self._end(connection, out, None)
            return
        except ProtocolError as error:
            self._say(connection, m.Error(code="malformed", text=str(error)))
            self._end(connection, out, f"broke the protocol: {error}")
            return
        if unknown and messages:
            token = self._identify(connection, messages[0], out)
            if token is None:
                return
        if token is not None:
            out.extend(Message(token, frames) for frames in messages)
        if connection.pending:  # an answer to ZeroMQ's own PING
            self._selector.modify(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)

    def _identify(self, connection: Connection, frames: list[Frame], out: list[Arrival]) -> str | None:
        """Read the first message of a connection: the token of its worker, or None when it is rejected."""
        try:
            hello = codec.decode_to_arena(frames)
        except ProtocolError as error:
            known = bool(frames) and frames[0] == MAGIC
            self._refuse(connection, "malformed" if known else "version", f"broke the protocol: {error}", out)
            return None
        if not isinstance(hello, m.Hello):
            self._refuse(connection, "unexpected", f"sent {m.name_of(hello)} before HELLO", out)
            return None
        token = next((t for t in self._expected if hmac.compare_digest(t.encode(), hello.token.encode())), None)
        if token is None:
            used = hello.token in self._known
            self._refuse(connection, "token", "gave a token twice" if used else "gave a wrong token", out)
            return None
        del self._unidentified[connection]
        self._expected.discard(token)
        self._known[token] = connection
        self._tokens[connection] = token
        connection.most_bytes, connection.most_frames = self._limits.max_message, self._limits.max_frames
        return token

    def _refuse(self, connection: Connection, code: str, why: str, out: list[Arrival]) -> None:
        self._say(connection, m.Error(code=code, text=why))  # type: ignore[arg-type]
        self._end(connection, out, why)

    def _say(self, connection: Connection, error: m.Error) -> None:
        with contextlib.suppress(GoneError, FullError):
            connection.send(codec.encode(error))

    def _end(self, connection: Connection, out: list[Arrival], why: str | None) -> None:
        """Close and report it; a connection that ends before it said anything is not reported."""
        token = self._tokens.pop(connection, None)
        if token is not None:
            del self._known[token]
            out.append(Broken(token, why))
        else:
            group = self._unidentified[connection]
            if why is not None:
                out.append(Rejected(group, why))
        self._drop(connection)

    def _flush(self, connection: Connection) -> None:
        try:
            connection.flush()
        except GoneError:
            return  # which is read as well
        if not connection.pending:
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _drop(self, connection: Connection) -> None:
        self._unidentified.pop(connection, None)
        self._selector.unregister(connection.socket)
        connection.close()


def _group(pid: int | None) -> int | None:
    """The process group of a process that may be gone."""
    try:
        return os.getpgid(pid) if pid else None
    except OSError:
        return None
