"""Checks the matches of a run in several processes, where the run is long enough to be worth their start."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import msgspec

from arena.errors import ArenaError
from arena.log import Line
from arena.plan import MatchPlan
from arena.pool import pool
from arena.record.checker import Checker, Problem, Report, Task
from arena.record.reader import Run
from arena.record.replay import Replay

ALONE = 2.0  # seconds in which this process checks by itself before it starts others: they take one to be ready
LINES = 4000  # of the log, that a process is given at once

_Batch = list[tuple[MatchPlan, list[Line]]]
_encode, _decoder = msgspec.json.Encoder().encode, msgspec.json.Decoder(_Batch)


class Pieces:
    """Gives what was found, piece by piece in the order of the log, whoever found it."""

    def __init__(self, checker: Checker, processes: int, trust: bool) -> None:
        self._checker = checker
        self._processes = processes
        self._trust = trust
        self._pool: ProcessPoolExecutor | None = None
        self._began = time.monotonic()
        self._due: deque[Future[Report] | Report] = deque()

    def of(self, items: Iterable[Problem | Task]) -> Iterator[Report]:
        """The report of every item, or of several together. ArenaError if a process dies."""
        batch: list[Task] = []
        lines = 0
        for item in items:
            if self._processes < 2 or (self._pool is None and time.monotonic() - self._began < ALONE):
                yield Report(problems=[item]) if isinstance(item, Problem) else self._checker.check(item)
                continue
            if isinstance(item, Problem):
                self._send(batch)
                batch, lines = [], 0
                self._due.append(Report(problems=[item]))
            else:
                batch.append(item)
                lines += len(item.lines)
            if lines >= LINES:
                self._send(batch)
                batch, lines = [], 0
            while len(self._due) > 2 * self._processes:
                yield self._next()
        self._send(batch)
        while self._due:
            yield self._next()

    def close(self) -> None:
        """End the processes."""
        self._checker.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _send(self, batch: list[Task]) -> None:
        if not batch:
            return
        if self._pool is None:
            self._pool = pool(self._processes)
        self._due.append(self._pool.submit(_check, str(self._checker.run.folder), self._trust, _encode(batch)))

    def _next(self) -> Report:
        piece = self._due.popleft()
        try:
            return piece if isinstance(piece, Report) else piece.result()
        except BrokenProcessPool as error:
            raise ArenaError(
                "a process that checked matches died (out of memory?). Take fewer: arena verify RUN --processes 1"
            ) from error


@functools.cache
def _checker(folder: str, trust: bool) -> Checker:
    run = Run(Path(folder))
    return Checker(run, Replay(run, trust=trust))


def _check(folder: str, trust: bool, batch: bytes) -> Report:
    checker, report = _checker(folder, trust), Report()
    for plan, lines in _decoder.decode(batch):
        report.add(checker.check(Task(plan, lines)))
    return report
