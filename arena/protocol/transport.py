"""Frames over a ZeroMQ socket, without what pyzmq's multipart calls cost on every tick (flags made anew as enums, a
socket option read for every frame). Large frames are handed over without a copy, both ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from arena.protocol.codec import Frame

ZERO_COPY = 65536  # bytes of a frame from which handing over its memory beats copying it
_NOBLOCK = int(zmq.NOBLOCK)
_MORE = int(zmq.SNDMORE)


def send(socket: zmq.Socket[bytes], frames: Sequence[Frame], wait: bool = False) -> None:
    """Send one message. When the peer's queue is full it waits if asked to, else raises zmq.Again."""
    flags = 0 if wait else _NOBLOCK
    for frame in frames[:-1]:
        socket.send(frame, flags | _MORE, copy=len(frame) < ZERO_COPY)
    socket.send(frames[-1], flags, copy=len(frames[-1]) < ZERO_COPY)


def receive(socket: zmq.Socket[bytes], wait: bool = False) -> list[Frame] | None:
    """One message, or None when nothing has arrived; `wait` waits for one."""
    try:
        frame = socket.recv(0 if wait else _NOBLOCK, copy=False)
    except zmq.Again:
        return None
    out: list[Frame] = [_content(frame)]
    while frame.more:
        frame = socket.recv(_NOBLOCK, copy=False)
        out.append(_content(frame))
    return out


def _content(frame: zmq.Frame) -> Frame:
    return frame.bytes if len(frame) < ZERO_COPY else frame.buffer.toreadonly()
