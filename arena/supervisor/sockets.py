"""The folder of a listener's socket, how a worker learns its address, and the ZeroMQ sockets of a network."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import tempfile
from pathlib import Path

import zmq

from arena.errors import WorkerError
from arena.protocol import messages as m

LONGEST_PATH = 107  # bytes of a Unix socket's address
PREFIX, LOCK, SOCKET = "arena-", "lock", "s"
MARK = b"a folder of sockets of agent-arena, removed with its arena\n"  # what a lock of ours says
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


# What NumPy's, SciPy's and torch's libraries read once, when they are loaded.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def environment(address: str, token: str, threads: int | None = None) -> dict[str, str]:
    """A worker's environment variables; secrets never stand in its arguments. `threads` None: it chooses itself."""
    told = {"ARENA_ADDRESS": address, "ARENA_TOKEN": token}
    return told if threads is None else {**told, **dict.fromkeys(THREADS, str(threads))}


def file_name(name: str) -> str:
    """A worker's name as part of a file's: whatever an operator's options hold."""
    return re.sub(r"[^A-Za-z0-9._#@=:+-]", "_", name)[:80]


class Folder:
    """A new 0700 folder whose socket path is short enough for a Unix socket. It is locked while its arena lives."""

    def __init__(self) -> None:
        self.path = short_folder()
        sweep(Path(self.path).parent)
        # It is named once it is locked and marked: before, another arena could take it for a leftover.
        unnamed = os.path.join(self.path, "new")
        self._lock = os.open(unnamed, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.write(self._lock, MARK)
        os.rename(unnamed, os.path.join(self.path, LOCK))

    def __fspath__(self) -> str:
        return self.path

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return os.path.join(self.path, SOCKET)

    def remove(self) -> None:
        """Remove the folder. A second call does nothing: an interrupted end is ended once more."""
        _clear(self.path)
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1


def sweep(parent: Path) -> None:
    """Remove the folders that killed arenas of this user left. Only those with our mark and nothing else in them."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if not _left_by_an_arena(folder):
                continue
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.read(handle, len(MARK) + 1) == MARK:
                    _clear(folder)
            finally:
                os.close(handle)


def _left_by_an_arena(folder: Path) -> bool:
    """Whether it looks like a `Folder`, before its lock is opened: ours alone, with a lock and a socket, no more."""
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) != 0o700:
        return False
    names = set(os.listdir(folder))
    if LOCK not in names or not names <= {LOCK, SOCKET}:
        return False
    return stat.S_ISREG((folder / LOCK).lstat().st_mode) and (
        SOCKET not in names or stat.S_ISSOCK((folder / SOCKET).lstat().st_mode)
    )


def _clear(folder: str | Path) -> None:
    """Remove our two files by name, and the folder if it is empty then: never a whole tree."""
    for name in (SOCKET, LOCK):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, name))
    with contextlib.suppress(OSError):
        os.rmdir(folder)


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
