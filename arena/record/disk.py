"""All file operations of a recorder in one place, so that tests can replace the disk by one that is full or fails."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Any

import msgspec

from arena.errors import RecordError

LOCK = "run.lock"  # exists in a run folder while an arena writes there


class Disk:
    """Plain system calls. All raise OSError."""

    def open(self, path: Path) -> int:
        """Returns a descriptor that appends to `path`; creates the file if it is missing."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)

    def write(self, fd: int, data: bytes) -> None:
        """Write all of `data`, in several calls if the disk takes only a part at once."""
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left) :]

    def sync(self, fd: int) -> None:
        """Make what was written survive a power cut."""
        os.fsync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def rename(self, path: Path, to: Path) -> None:
        """Rename a file within its folder, and sync the folder."""
        path.replace(to)
        self.sync_folder(to.parent)

    def cut(self, path: Path, size: int) -> None:
        """Truncate the file to its first `size` bytes."""
        os.truncate(path, size)

    def sync_folder(self, folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def replace(self, path: Path, data: bytes) -> None:
        """Replace a whole file: a reader finds the old one or the new one, never a part."""
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)  # left by a run that was killed here
        fd = self.open(temporary)
        try:
            try:
                self.write(fd, data)
                self.sync(fd)
            finally:
                self.close(fd)
            self.rename(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                self.unlink(temporary)
            raise

    def replace_json(self, path: Path, value: Any) -> None:
        """As `replace`, with `value` as indented JSON."""
        text = msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2)
        self.replace(path, text + b"\n")


class FolderInUseError(RecordError):
    """Another process writes the folder."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(
            f"{folder} is being written by another arena (process {holder}): wait until it has "
            f"ended, or stop it. `arena show {folder}` shows how far it is"
        )
        self.holder = holder  # its process id, if that is known


class FolderLock:
    """Held by the one process that writes a folder. The operating system releases it when that process is gone.

    Processes that this one starts do not inherit it, so it is free although they may live on.
    """

    def __init__(self, folder: Path, name: str = LOCK) -> None:
        """`name`: of the file that is locked. Raises FolderInUseError when another process holds it."""
        self._path = folder / name
        while True:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(self._fd, 20).decode("ascii", "replace").strip()
                os.close(self._fd)
                raise FolderInUseError(folder, holder or "unknown") from None
            if self._path.exists() and os.path.samestat(os.fstat(self._fd), self._path.stat()):
                break
            os.close(self._fd)  # its holder has just removed it
        try:
            os.ftruncate(self._fd, 0)
            os.write(self._fd, f"{os.getpid()}\n".encode())
        except OSError:  # the disk is full
            self.release()
            raise

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._fd)


def in_use(folder: Path) -> bool:
    """Whether an arena is writing there."""
    try:
        fd = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
