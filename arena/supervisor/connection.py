"""Connection: the arena's end of one worker's connection, in ZeroMQ's framing (ZMTP 3.0, NULL) over a Unix socket.

libzmq does this too, and workers use it. Not the arena: a ROUTER of libzmq accepts every connection until the process
has no file left and aborts, keeps any number of frames of a message that has not ended, and cuts off a peer with too
large a frame without a message. Here every size is checked before a byte of it is kept. See docs/decisions.md.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections import deque
from collections.abc import Sequence
from itertools import islice

from arena.errors import ProtocolError
from arena.protocol.codec import Frame

CHUNK = 65536  # bytes that are read at once; a frame that is larger is read where it will stay
JOINED = 16384  # bytes of a frame to send up to which it is copied beside its neighbours
QUEUE = 1000  # messages that may wait for a peer
GATHERED = 64  # pieces that one system call sends

_MORE, _LONG, _COMMAND = 1, 2, 4
_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_PARTNERS = (b"DEALER", b"ROUTER")  # sockets whose messages have no frames of their own


class FullError(Exception):
    """The peer does not read: its queue is full."""


class GoneError(Exception):
    """The peer has closed the connection, or is not there yet."""


class Connection:
    """Messages in and out without waiting. `limits`: bytes and frames of one message that comes in."""

    def __init__(self, sock: socket.socket, most_bytes: int, most_frames: int) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.pid = _peer(sock)
        self.most_bytes, self.most_frames = most_bytes, most_frames
        self._greeted = self._ready = False
        self._rest = b""  # received, and not a whole frame yet
        self._large: bytearray | None = None  # a large frame that is being filled
        self._filled = 0
        self._flags = 0
        self._frames: list[Frame] = []  # of the message that is being received
        self._bytes = 0
        self._out: deque[tuple[memoryview, bool]] = deque()  # what waits to be sent, and whether a message ends there
        self._waiting = 0  # messages in `_out`
        self._push([memoryview(_GREETING)])

    # --- in --------------------------------------------------------------------------------------------------------

    def receive(self) -> list[list[Frame]]:
        """Messages that have come whole. GoneError when the peer has closed; ProtocolError when it breaks ZMTP or a

        limit: nothing more can be received then.
        """
        try:
            if self._large is not None:
                return self._fill(self._large)
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError as error:
            raise GoneError from error
        if not data:
            raise GoneError
        return self._parse(self._rest + data if self._rest else data)

    def _fill(self, large: bytearray) -> list[list[Frame]]:
        view = memoryview(large)
        while self._filled < len(large):
            count = self.socket.recv_into(view[self._filled :])
            if not count:
                raise GoneError
            self._filled += count
        self._large = None
        out: list[list[Frame]] = []
        self._frame(self._flags, view.toreadonly(), out)
        return out

    def _parse(self, data: bytes) -> list[list[Frame]]:
        out: list[list[Frame]] = []
        at, end = 0, len(data)
        if not self._greeted:
            if end < len(_GREETING) and data[:1] == b"\xff":
                self._rest = data
                return out
            self._greet(data)
            at = len(_GREETING)
        while end - at >= 2:
            flags, size, start = data[at], data[at + 1], at + 2
            if flags & _LONG:
                start = at + 9
                if start > end:
                    break
                size = int.from_bytes(data[at + 1 : start])
            self._check(flags, size)
            stop = start + size
            if stop > end:
                if size > CHUNK:
                    self._large, self._filled, self._flags = bytearray(size), end - start, flags
                    self._large[: end - start] = data[start:]
                    at = end
                break
            self._frame(flags, data[start:stop], out)
            at = stop
        self._rest = data[at:]
        return out

    def _greet(self, data: bytes) -> None:
        version, mechanism = data[10:11], data[12:32].rstrip(b"\0")
        if data[:1] != b"\xff" or len(data) < len(_GREETING) or not data[9] & 1 or version < b"\x03":
            raise ProtocolError(f"its first bytes are {data[:16]!r}: that is not a ZeroMQ socket (ZMTP 3)")
        if mechanism != b"NULL":
            raise ProtocolError(f"its socket has the security mechanism {mechanism!r}; an ipc socket has none")
        self._greeted = True
        self._push([memoryview(_command(b"READY", _property(b"Socket-Type", b"ROUTER") + _property(b"Identity", b"")))])

    def _check(self, flags: int, size: int) -> None:
        """Raise ProtocolError for a frame that is not accepted, before anything of it is kept."""
        if flags & ~(_MORE | _LONG | _COMMAND):
            raise ProtocolError(f"a frame with the flags {flags:#x}: that is not ZMTP")
        total = self._bytes + size
        if total > self.most_bytes:
            before = f" in {len(self._frames) + 1} frames so far" if self._frames else ""
            raise ProtocolError(f"a message of {total:,} bytes{before}; the limit is {self.most_bytes:,}")
        if len(self._frames) >= self.most_frames:
            raise ProtocolError(f"a message of more than {self.most_frames:,} frames, which is the limit")

    def _frame(self, flags: int, data: Frame, out: list[list[Frame]]) -> None:
        if flags & _COMMAND:
            self._on_command(bytes(data))
            return
        if not self._ready:
            raise ProtocolError("a message before READY: that is not ZMTP")
        self._frames.append(data)
        self._bytes += len(data)
        if not flags & _MORE:
            out.append(self._frames)
            self._frames, self._bytes = [], 0

    def _on_command(self, command: bytes) -> None:
        """Handle a command of ZMTP: READY ends the handshake, PING is answered by PONG, others are ignored."""
        name, body = command[1 : 1 + command[0]] if command else b"", command[1 + command[0] :] if command else b""
        if name == b"READY" and not self._ready:
            kind = _properties(body).get(b"socket-type", b"")
            if kind not in _PARTNERS:
                raise ProtocolError(f"its socket is a {kind.decode('latin-1') or 'nameless one'}: expected DEALER")
            self._ready = True
        elif name == b"PING":
            self._push([memoryview(_command(b"PONG", body[2:18]))])

    # --- out -------------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Something waits to be sent."""
        return bool(self._out)

    def send(self, frames: Sequence[Frame]) -> None:
        """Send one message, or keep it until `flush`. FullError when too many wait, GoneError without a peer."""
        if self._waiting >= QUEUE:
            raise FullError
        pieces: list[memoryview] = []
        small: list[Frame] = []
        last = len(frames) - 1
        for index, frame in enumerate(frames):
            size, more = len(frame), index < last
            small.append(bytes((more, size)) if size < 256 else struct.pack(">BQ", more | _LONG, size))
            if size <= JOINED:
                small.append(frame)
            else:
                pieces += [memoryview(b"".join(small)), memoryview(frame)]
                small = []
        if small:
            pieces.append(memoryview(b"".join(small)))
        self._push(pieces)

    def _push(self, pieces: list[memoryview]) -> None:
        last = len(pieces) - 1
        if not self._out and last == 0:  # the usual case
            try:
                sent = self.socket.send(pieces[0])
            except BlockingIOError:
                sent = 0
            except OSError as error:
                raise GoneError from error
            if sent == len(pieces[0]):
                return
            pieces = [pieces[0][sent:]]
        self._out += ((piece, index == last) for index, piece in enumerate(pieces))
        self._waiting += 1
        self.flush()

    def flush(self) -> None:
        """Send as much of what waits as the peer takes now. GoneError."""
        while self._out:
            try:
                sent = self.socket.sendmsg([piece for piece, _ in islice(self._out, GATHERED)])
            except BlockingIOError:
                return
            except OSError as error:
                raise GoneError from error
            while self._out and sent >= len(self._out[0][0]):
                piece, ends = self._out.popleft()
                sent -= len(piece)
                self._waiting -= ends
            if sent:
                piece, ends = self._out[0]
                self._out[0] = piece[sent:], ends

    def close(self) -> None:
        self.socket.close()


def _command(name: bytes, body: bytes) -> bytes:
    data = bytes((len(name),)) + name + body
    return bytes((_COMMAND, len(data))) + data


def _property(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + struct.pack(">I", len(value)) + value


def _properties(body: bytes) -> dict[bytes, bytes]:
    out, at = {}, 0
    while at < len(body):
        value = at + 1 + body[at] + 4
        size = int.from_bytes(body[value - 4 : value])
        out[body[at + 1 : value - 4].lower()] = body[value : value + size]
        at = value + size
    return out


def _peer(sock: socket.socket) -> int | None:
    """The process that connected, as the kernel says; None where the kernel does not say."""
    if hasattr(socket, "SO_PEERCRED"):
        pid: int = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return pid
    if sys.platform == "darwin":
        return sock.getsockopt(0, 2)  # SOL_LOCAL, LOCAL_PEERPID
    return None
