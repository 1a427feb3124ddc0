"""Plays a part of a run far from its run folder, and hands on what it leaves, match by match.

The part is laid out as a run folder that was begun and has no match yet, and is played as any run that goes on: so its
operators, files and versions are checked against those of the run. arena/engines/ray.py
carries the chunks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import msgspec

from arena.concurrency import usual_concurrency
from arena.errors import ArenaError
from arena.log import EndLine, decoder
from arena.play import run_plan
from arena.record import shards
from arena.record.facts import Facts, read_facts
from arena.record.head import Head
from arena.record.reader import Run
from arena.record.resume import plan_of
from arena.record.turns import StoredRows, TurnReader
from arena.supervisor.interrupts import Interrupts

SECONDS = 0.25  # between two looks at what was played
MOST_OUTPUT = 1_000_000  # bytes of what each worker printed that are handed on, the last ones


Files = dict[str, tuple[bytes, int]]  # that a run has kept: content and mode, by their path in `files/`


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be played."""

    head: Head  # of the part
    operators: tuple[str, ...]  # as they were given, secrets too; empty where there are none
    concurrency: int | None = None  # matches at once; None: what is usual on the machine that plays
    turns: bool = False


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """What was played since the chunk before."""

    log: bytes = b""  # the lines of whole matches, in plan order
    timing: bytes = b""  # lines of the timing file
    turns: dict[int, StoredRows] = {}  # of these matches, if they are kept
    facts: Facts = {}
    printed: dict[str, bytes] = {}  # with the last chunk: what each worker printed, by the name of its file in workers/
    over: bool = False  # it is the last one
    failure: str | None = None  # why the part ended before all was played
    exit_code: int = 0  # of that failure


def kept_files(run: Run) -> Files:
    """The files that a run has kept."""
    folder = run.folder / "files"
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777) for path in paths}


def play_part(order: Order, files: Files) -> Iterator[Chunk]:
    """Play it with workers on this machine. Closed early, it stops the workers and leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="arena-part-") as name, Interrupts() as interrupts:
        folder = Path(name) / "run"
        _lay(order, files, folder)
        news = _News(folder, order.turns)
        with ThreadPoolExecutor(1) as pool:
            played = pool.submit(_play, order, folder, interrupts)
            try:
                while not wait([played], SECONDS).done:
                    interrupts.check()
                    if (chunk := news.take()) is not None:
                        yield chunk
            finally:
                if not played.done():
                    interrupts.interrupt()
        error = played.exception()
        if error is not None and not isinstance(error, ArenaError):
            raise error
        prefix = f"{order.head.first:06d}-"  # workers of several parts may have one name
        rest = news.take() or Chunk()
        yield msgspec.structs.replace(
            rest,
            printed={f"{prefix}{name}": text for name, text in _printed(folder).items()},
            over=True,
            failure=None if error is None else str(error).replace(f"{folder}/workers/", f"workers/{prefix}"),
            exit_code=0 if error is None else error.exit_code,
        )


def _lay(order: Order, files: Files, folder: Path) -> None:
    (folder / "files").mkdir(parents=True)
    for name, (content, mode) in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    (folder / "run.json").write_bytes(msgspec.json.encode(order.head))


def _play(order: Order, folder: Path, interrupts: Interrupts) -> None:
    plan = plan_of(Run(folder), order.operators)
    concurrency = order.concurrency or usual_concurrency(plan)
    part = order.head.share
    run_plan(plan, folder, part=part, concurrency=concurrency, resume=True, turns=order.turns, interrupts=interrupts)


class _News:
    """Reads what was added to a run folder since the last look."""

    def __init__(self, folder: Path, turns: bool) -> None:
        self._folder = folder
        self._turns = turns
        self._shard = 0  # place of the current shard
        self._read: dict[Path, int] = {}  # bytes that were read
        self._facts: Facts = {}

    def take(self) -> Chunk | None:
        """None if there is nothing new."""
        log = self._log()  # before the times, which are written before a match is over
        timing = self._new(self._folder / "timing-000.jsonl", b"")
        facts = read_facts(self._folder)
        told, self._facts = (facts if facts != self._facts else {}), facts
        if not (log or timing or told):
            return None
        return Chunk(log=log, timing=timing, turns=self._rows(log) if self._turns else {}, facts=told)

    def _log(self) -> bytes:
        paths = shards.shards(self._folder)
        out = b"".join(self._new(path, b'{"type":"end"') for path in paths[self._shard :])
        self._shard = max(0, len(paths) - 1)
        return out

    def _new(self, path: Path, last: bytes) -> bytes:
        """The new whole lines of a file, up to the last one that begins with `last`."""
        if not path.is_file():
            return b""
        at = self._read.get(path, 0)
        with path.open("rb") as file:
            file.seek(at)
            data = file.read()
        end = read = 0
        for line in data.splitlines(keepends=True):
            read += len(line)
            if line.endswith(b"\n") and line.startswith(last):
                end = read
        self._read[path] = at + end
        return data[:end]

    def _rows(self, log: bytes) -> dict[int, StoredRows]:
        ends = [decoder.decode(line) for line in log.splitlines() if line.startswith(b'{"type":"end"')]
        with closing(TurnReader(self._folder)) as reader:
            found = {end.match: reader.rows(end.match) for end in ends if isinstance(end, EndLine)}
        return {match: rows for match, rows in found.items() if rows is not None}


def _printed(folder: Path) -> dict[str, bytes]:
    paths = sorted((folder / "workers").glob("*.log"))
    return {path.name: path.read_bytes()[-MOST_OUTPUT:] for path in paths}
