"""The log's writer. A match in flight is journaled tick by tick in open/, and moved into the shard in plan order
when it ends: a kill loses nothing, and equal runs give equal files whatever the concurrency.

The order is append, sync, unlink. So wherever a run is stopped, a whole match is in the shard, in open/,
or in both; only the end of the last shard or of a journal can be torn.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec

from arena.errors import ArenaError, RecordError
from arena.log import Line, encoder
from arena.price import Price
from arena.record import facts, kept, shards
from arena.record.disk import LOCK, Disk, FolderLock
from arena.record.head import Head, read_head
from arena.record.times import Times, usage_of
from arena.record.training import may_record

SHARD_BYTES = 64 * 1024 * 1024  # a shard ends with the match that passes this size
SYNC_SECONDS = 0.25  # most seconds between syncs of a shard; a sync takes milliseconds
SYNC_MATCHES = 64
MOST_TIMES = 1000  # most buffered lines of the timing file


P = ParamSpec("P")
T = TypeVar("T")


def _writes(method: Callable[Concatenate[Recorder, P], T]) -> Callable[Concatenate[Recorder, P], T]:
    """Turns a full disk or a missing folder into one message. Nothing is written after that."""

    @functools.wraps(method)
    def wrapped(self: Recorder, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except OSError as error:
            self._broken = True
            raise ArenaError(
                f"the run cannot be written into {self.folder} any more: {error.strerror or error}. What was played "
                f"is kept there. Free space or restore the folder, then go on with: arena play --resume {self.folder}"
            ) from error

    return wrapped


class Recorder:
    """Writes one run folder. One process at a time: it is locked until `close`."""

    _lock: FolderLock | None = None

    def __init__(self, folder: Path, head: Head, *, files: bool = True, disk: Disk | None = None) -> None:
        """A new run in `folder`, which must be new, empty, or that of a training. Raises RecordError.

        `files`: the files that it needs are kept.
        """
        self._begin(folder, head, disk)
        try:
            if folder.exists() and not may_record(folder, LOCK):
                raise RecordError(f"{folder} is not empty; a run is written into a new folder. Choose another --out")
            (folder / "open").mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(folder)
            kept.copy(kept.of_head(head) if files else (), folder, self._disk)
            self._disk.replace_json(folder / "run.json", head)
        except OSError as error:
            self._abandon()
            raise RecordError(
                f"cannot write a run into {folder}: {error.strerror or error}. Choose another --out"
            ) from error
        except RecordError:
            self._abandon()
            raise

    @classmethod
    def reopen(cls, folder: Path, *, disk: Disk | None = None) -> Recorder:
        """Resumes a stopped run: the matches that are `over` are kept.

        The torn end of the last shard is cut off, whole journals are kept, and what was in flight is dropped. Raises
        RecordError when another process writes there, or when the log is damaged elsewhere.
        """
        self = cls.__new__(cls)
        self._begin(folder, read_head(folder), disk)
        try:
            self._lock = FolderLock(folder)
            self._recover()
        except OSError as error:
            self._unlock()
            raise RecordError(f"cannot go on with {folder}: {error.strerror or error}") from error
        except RecordError:
            self._unlock()
            raise
        return self

    def _begin(self, folder: Path, head: Head, disk: Disk | None) -> None:
        self.folder = folder
        self.due = head.first  # the next match of the log
        self.waiting: set[int] = set()  # finished matches that wait for an earlier one
        self._disk = disk or Disk()
        self._broken = False
        self._facts: facts.Facts = {}
        self._open: dict[int, int] = {}  # descriptors of journals, by match
        self._number = 0  # number of the current shard
        self._shard: int | None = None  # its descriptor
        self._size = 0
        self._unsynced: list[Path] = []  # journals of matches that were appended since the last sync
        self._synced = time.monotonic()
        self._times: list[bytes] = []  # lines for the timing file

    def _recover(self) -> None:
        self._facts = facts.read_facts(self.folder)
        (self.folder / "open").mkdir(exist_ok=True)
        ends = dict.fromkeys(shards.shards(self.folder), 0)
        for piece in shards.pieces(self.folder):
            head = piece.lines[0]
            if not piece.whole or getattr(head, "match", None) != self.due:
                raise RecordError(
                    f"{piece.shard} is damaged: match {self.due} is not whole there, or not in its place. "
                    f"`arena verify {self.folder}` says more"
                )
            ends[piece.shard] = piece.end
            self.due += 1
        for path, end in ends.items():
            if path.stat().st_size > end:
                self._disk.cut(path, end)
            self._number = int(path.name[len("log-") : -len(".jsonl")])
            self._size = end
        if self._size > SHARD_BYTES:
            self._number, self._size = self._number + 1, 0
        for match, path in shards.journals(self.folder).items():
            if match >= self.due and shards.is_whole(shards.read_journal(path), match):
                self.waiting.add(match)
            else:
                self._disk.unlink(path)
        timing = self.folder / "timing-000.jsonl"
        if timing.exists() and (told := timing.read_bytes()) and not told.endswith(b"\n"):
            self._disk.cut(timing, told.rfind(b"\n") + 1)
        self._append_ready()

    def over(self, match: int) -> bool:
        """Whether the match is over, and so kept."""
        return match < self.due or match in self.waiting

    @_writes
    def journal(self, match: int, lines: Iterable[Line]) -> None:
        """Append the lines of one tick of a match in flight."""
        if match not in self._open:
            path = shards.journal(self.folder, match)
            path.unlink(missing_ok=True)
            self._open[match] = self._disk.open(path)
        self._disk.write(self._open[match], b"".join(encoder.encode(line) + b"\n" for line in lines))

    @_writes
    def void(self, match: int) -> None:
        """Discard a try of the match that does not count."""
        self._write_times()  # the reason must survive a kill
        if match in self._open:
            self._disk.close(self._open.pop(match))
            self._disk.unlink(shards.journal(self.folder, match))

    @_writes
    def end(self, match: int) -> None:
        """The match is complete: it moves into the shard as soon as all earlier matches have."""
        self._write_times()
        self._disk.close(self._open.pop(match))
        self.waiting.add(match)
        self._append_ready()

    @_writes
    def timing(self, /, **what: Any) -> None:
        """Write a line of data that may differ between equal runs."""
        self._times.append(msgspec.json.encode(what) + b"\n")
        if len(self._times) >= MOST_TIMES:
            self._write_times()

    @_writes
    def timings(self, lines: Iterable[bytes]) -> None:
        """Lines of the timing file of another run."""
        for line in lines:
            self._times.append(line)
            if len(self._times) >= MOST_TIMES:
                self._write_times()

    @_writes
    def settle(self) -> None:
        """Write what is buffered: what was recorded until now can be read."""
        self._write_times()

    @_writes
    def facts(self, operator: str, said: Mapping[str, str]) -> None:
        """What an operator found out about itself when it was ready."""
        if facts.add(self._facts, operator, said):
            self._disk.replace_json(facts.path_of(self.folder), self._facts)

    @_writes
    def head(self, head: Head) -> None:
        """Write run.json anew: of a run that goes on, with deals that are left out since people met them."""
        self._disk.replace_json(self.folder / "run.json", head)

    @_writes
    def results(self, table: Any) -> None:
        """Write the result tables, which are computed from the log alone."""
        self._disk.replace_json(self.folder / "results.json", table)

    @_writes
    def usage(self, times: Times, prices: Mapping[str, Price | None]) -> None:
        """Write what the operators took of models, by the timing file; nothing where none used tokens."""
        if used := usage_of(times, prices):
            self._disk.replace_json(self.folder / "usage.json", used)

    def close(self) -> None:
        """Close the files; matches in flight stay in open/."""
        try:
            if not self._broken:
                self._finish()
        finally:
            for fd in [*self._open.values(), *([] if self._shard is None else [self._shard])]:
                self._disk.close(fd)
            self._open.clear()
            self._shard = None
            self._unlock()

    @_writes
    def _finish(self) -> None:
        if not self.folder.is_dir():
            return
        self._write_times()
        self._sync()
        waiting = self.folder / "open"
        if waiting.is_dir() and not any(waiting.iterdir()):
            waiting.rmdir()

    def _abandon(self) -> None:
        """Remove what was written when a run could not begin."""
        self._unlock()
        with contextlib.suppress(OSError):
            (self.folder / "open").rmdir()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _append_ready(self) -> None:
        """Move every match that is next in plan order into the shard."""
        while self.due in self.waiting:
            self._append(shards.journal(self.folder, self.due))
            self.waiting.discard(self.due)
            self.due += 1
        if len(self._unsynced) >= SYNC_MATCHES or time.monotonic() - self._synced > SYNC_SECONDS:
            self._sync()

    def _append(self, path: Path) -> None:
        if self._shard is None:
            shard = self.folder / f"log-{self._number:03d}.jsonl"
            is_new = not shard.exists()
            self._shard = self._disk.open(shard)
            if is_new:
                self._disk.sync_folder(self.folder)
        data = path.read_bytes()
        self._disk.write(self._shard, data)
        self._unsynced.append(path)
        self._size += len(data)
        if self._size > SHARD_BYTES:
            self._sync()
            self._disk.close(self._shard)
            self._shard, self._number, self._size = None, self._number + 1, 0

    def _sync(self) -> None:
        if self._shard is not None and self._unsynced:
            self._disk.sync(self._shard)
        for path in self._unsynced:
            self._disk.unlink(path)
        self._unsynced.clear()
        self._synced = time.monotonic()

    def _write_times(self) -> None:
        if not self._times:
            return
        fd = self._disk.open(self.folder / "timing-000.jsonl")
        try:
            self._disk.write(fd, b"".join(self._times))
        finally:
            self._disk.close(fd)
        self._times.clear()
