"""The ROUTER to which worker processes connect, and how a worker learns its address. Of the Hub and of a doorman."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path

import zmq

from arena.errors import WorkerError
from arena.protocol import messages as m

LONGEST_PATH = 107  # bytes of a Unix socket's address
PREFIX, LOCK = "arena-", "lock"
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


class Folder:
    """A new 0700 folder whose socket path is short enough for a Unix socket. It is locked while its arena lives."""

    def __init__(self) -> None:
        self.path = short_folder()
        sweep(Path(self.path).parent)
        # It gets its name when it is held: else another arena could sweep it away before.
        unnamed = os.path.join(self.path, "new")
        self._lock = os.open(unnamed, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.rename(unnamed, os.path.join(self.path, LOCK))

    def __fspath__(self) -> str:
        return self.path

    def remove(self) -> None:
        """Again is no harm: an interrupted end is ended once more."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1


def sweep(parent: Path) -> None:
    """Remove what killed arenas of this user left: folders that have a lock which nobody holds."""
    for lock in parent.glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError):
            if lock.stat().st_uid != os.getuid():
                continue
            handle = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(handle)


def short_folder() -> str:
    """A new 0700 folder whose socket path is short enough for a Unix socket."""
    for parent in (None, "/tmp"):
        with contextlib.suppress(OSError):
            folder = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
            if len(os.fsencode(folder)) + 2 <= LONGEST_PATH:
                return folder
            os.rmdir(folder)
    raise WorkerError(
        f"no temporary folder with a path under {LONGEST_PATH - 20} bytes; set TMPDIR to a short path such as /tmp"
    )
