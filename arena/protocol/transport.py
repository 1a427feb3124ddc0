"""Frames over a ZeroMQ socket, without what pyzmq's multipart calls cost on every tick (flags made anew as enums, a
socket option read for every frame). Large frames are handed over without a copy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import zmq

from arena.protocol.codec import Frame

LENT = 512 * 1024  # bytes of a frame to send from which lending its memory beats copying it: a thread gives it back
AWAKE = 0.003  # seconds that a Waiter spends awake; what comes within them has come soon
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
    if not wait and not _readable(socket):  # that nothing has come is no exception, which costs more
        return None
    frame = socket.recv(0 if wait else _NOBLOCK, copy=False)
    out: list[Frame] = [_content(frame)]
    while frame.more:
        frame = socket.recv(_NOBLOCK, copy=False)
        out.append(_content(frame))
    return out


def _readable(socket: zmq.Socket[bytes]) -> bool:
    return bool(int(socket.get(_EVENTS)) & _READABLE)


class Waiter:
    """Receives from a peer that may answer within a millisecond or after a long time.

    A core that has gone to sleep takes a tenth of a millisecond to wake, and then runs slower for a while: its caches
    are cold. So where the last message came soon, the first of a wait is spent awake, and others are let go first.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._soon = False
        # A system that cannot say how many cores this process has cannot yield one either.
        self._room = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1

    def receive(self) -> list[Frame]:
        """The next message."""
        began = time.monotonic()
        if self._soon and self._room:
            until = began + AWAKE
            while not _readable(self._socket) and time.monotonic() < until:
                os.sched_yield()
        frames = receive(self._socket, wait=True)
        assert frames is not None
        self._soon = time.monotonic() - began < AWAKE
        return frames


def _content(frame: zmq.Frame) -> Frame:
    return frame.bytes if len(frame) < ZERO_COPY else frame.buffer.toreadonly()
