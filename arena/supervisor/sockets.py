"""The ROUTER to which worker processes connect, and how a worker learns its address. Of the Hub and of a doorman."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile

import zmq

from arena.errors import WorkerError
from arena.protocol import messages as m

LONGEST_PATH = 107  # bytes of a Unix socket's address
QUEUE = 1000  # messages that wait for a peer; one that does not read has failed


def router(context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    """A ROUTER that drops nothing silently and takes no message over the limit; not bound yet."""
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    limited(socket)
    return socket


def limited(socket: zmq.Socket[bytes]) -> None:
    """The limits of every socket of the protocol."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, m.Limits().max_message)
    socket.setsockopt(zmq.SNDHWM, QUEUE)
    socket.setsockopt(zmq.RCVHWM, QUEUE)


def environment(address: str, token: str, identity: bytes) -> dict[str, str]:
    """What a worker process is told, and how: never in its arguments."""
    return {"ARENA_ADDRESS": address, "ARENA_TOKEN": token, "ARENA_WORKER": identity.decode()}


def file_name(name: str) -> str:
    """A worker's name as part of a file's: whatever an operator's options hold."""
    return re.sub(r"[^A-Za-z0-9._#@=:+-]", "_", name)[:80]


def short_folder() -> str:
    """A new 0700 folder whose socket path is short enough for a Unix socket."""
    for parent in (None, "/tmp"):
        with contextlib.suppress(OSError):
            folder = tempfile.mkdtemp(prefix="arena-", dir=parent)
            if len(os.fsencode(folder)) + 2 <= LONGEST_PATH:
                return folder
            os.rmdir(folder)
    raise WorkerError(
        f"no temporary folder with a path under {LONGEST_PATH - 20} bytes; set TMPDIR to a short path such as /tmp"
    )
