"""The log's writer. A match in flight is journaled tick by tick in open/, and moved into the shard in plan order
when it ends: a kill loses nothing, and equal runs give equal files whatever the concurrency.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from io import BufferedWriter
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec

from arena.errors import ArenaError, RecordError
from arena.record.lines import Line, encoder

SHARD_BYTES = 64 * 1024 * 1024  # a shard ends with the match that passes this size
FORMAT = 1  # of the run folder


P = ParamSpec("P")
T = TypeVar("T")


def _writes(method: Callable[Concatenate[Recorder, P], T]) -> Callable[Concatenate[Recorder, P], T]:
    """A full disk or a folder that vanished is one message, not a traceback."""

    @functools.wraps(method)
    def wrapped(self: Recorder, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except OSError as error:
            raise ArenaError(
                f"the run cannot be written into {self.folder} any more: {error.strerror or error}. "
                "What was written stays there; free space or restore the folder, and play again with another --out"
            ) from error

    return wrapped


class Recorder:
    """Writes one run folder. The folder must be new or empty."""

    def __init__(self, folder: Path, head: dict[str, Any]) -> None:
        self.folder = folder
        try:
            if folder.exists() and any(folder.iterdir()):
                raise RecordError(f"{folder} is not empty; a run is written into a new folder. Choose another --out")
            (folder / "open").mkdir(parents=True, exist_ok=True)
            self._write_json("run.json", {"format": FORMAT, **head})
        except OSError as error:
            raise RecordError(f"cannot write a run into {folder}: {error.strerror}. Choose another --out") from error
        self._open: dict[int, BufferedWriter] = {}
        self._ended: set[int] = set()
        self._next = 0
        self._shard = 0
        self._timing = (folder / "timing-000.jsonl").open("ab")

    @_writes
    def journal(self, match: int, lines: Iterable[Line]) -> None:
        """Append the lines of one tick of a match in flight."""
        if match not in self._open:
            self._open[match] = self._path(match).open("wb")
        out = self._open[match]
        out.write(b"".join(encoder.encode(line) + b"\n" for line in lines))
        out.flush()

    @_writes
    def void(self, match: int) -> None:
        """This try of the match does not count."""
        self._timing.flush()  # why it does not must survive a kill
        if match in self._open:
            self._open.pop(match).close()
            self._path(match).unlink()

    @_writes
    def end(self, match: int) -> None:
        """The match is complete: move it into the shard as soon as all matches before it are."""
        self._timing.flush()
        self._open.pop(match).close()
        self._ended.add(match)
        while self._next in self._ended:
            self._ended.discard(self._next)
            self._append(self._path(self._next))
            self._next += 1

    @_writes
    def timing(self, /, **what: Any) -> None:
        """One line of what may differ between equal runs."""
        self._timing.write(msgspec.json.encode(what) + b"\n")

    @_writes
    def results(self, table: Any) -> None:
        """The result table, computed from the log alone."""
        self._write_json("results.json", table)

    @_writes
    def close(self) -> None:
        """Close the files; matches in flight stay in open/."""
        for out in self._open.values():
            out.close()
        self._open.clear()
        self._timing.close()
        folder = self.folder / "open"
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _path(self, match: int) -> Path:
        return self.folder / "open" / f"match-{match:06d}.jsonl"

    def _append(self, path: Path) -> None:
        shard = self.folder / f"log-{self._shard:03d}.jsonl"
        with shard.open("ab") as out:
            out.write(path.read_bytes())
            size = out.tell()
        path.unlink()
        if size > SHARD_BYTES:
            self._shard += 1

    def _write_json(self, name: str, value: Any) -> None:
        text = msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2)
        (self.folder / name).write_bytes(text + b"\n")
