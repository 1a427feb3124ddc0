"""Frames over a ZeroMQ socket, without what pyzmq's multipart calls cost on every tick (flags made anew as enums, a
socket option read for every frame). Large frames are handed over without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from arena.protocol.codec import Frame

LENT = 512 * 1024  # bytes of a frame to send from which lending its memory beats copying it: a thread gives it back
ZERO_COPY = 65536  # bytes of a frame that came from which reading it where it lies beats copying it
_NOBLOCK = int(zmq.NOBLOCK)
_MORE = int(zmq.SNDMORE)
_EVENTS = int(zmq.EVENTS)
_READABLE = int(zmq.POLLIN)


def send(socket: zmq.Socket[bytes], frames: Sequence[Frame], wait: bool = False) -> None:
    """Send one message. When the peer's queue is full it waits if asked to, else raises zmq.Again."""
    flags = 0 if wait else _NOBLOCK
    for frame in frames[:-1]:
        socket.send(frame, flags | _MORE, copy=len(frame) < LENT)
    socket.send(frames[-1], flags, copy=len(frames[-1]) < LENT)


def receive(socket: zmq.Socket[bytes], wait: bool = False) -> list[Frame] | None:
    """One message, or None when nothing has arrived; `wait` waits for one."""
    if not wait and not int(socket.get(_EVENTS)) & _READABLE:  # that nothing has come is no exception, which costs more
        return None
    frame = socket.recv(0 if wait else _NOBLOCK, copy=False)
    out: list[Frame] = [_content(frame)]
    while frame.more:
        frame = socket.recv(_NOBLOCK, copy=False)
        out.append(_content(frame))
    return out


def _content(frame: zmq.Frame) -> Frame:
    return frame.bytes if len(frame) < ZERO_COPY else frame.buffer.toreadonly()
