"""All that an evaluation tells of a run, read in one pass over its log and one over its timing file.

The matches that its page shows are played again in that pass as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from arena.analysis.audit_facts import Facts, FactsReader
from arena.analysis.behaviour import BehaviourReader, GameBehaviour
from arena.evaluate.table import ScoreTable
from arena.log import Line
from arena.record.reader import Run
from arena.record.times import Times, TimingFile, TimingReader
from arena.report.columns import ColumnsWriter
from arena.report.replays import Caps, Replays, ReplaysReader

OFTEN = 256  # matches after which the timing file is read on


@dataclass(slots=True)
class Known:
    """What was read of a run. All but `times` and the seconds of `behaviour` follow from the log alone."""

    tables: list[ScoreTable]
    facts: Facts
    behaviour: list[GameBehaviour]
    times: Times
    replays: Replays | None = None  # None: no page was to be made


class RunReader(AbstractContextManager["RunReader"]):
    """Reads the matches of `run` that it is given; its Parquet files are written into the folder `columns`, if any.

    caps: how much of the matches a page is to show; without them none is made. trust: as in verify, for these matches.
    """

    def __init__(self, run: Run, *, columns: Path | None = None, caps: Caps | None = None, trust: bool = False) -> None:
        self._facts = FactsReader(run)
        self._tabulator = run.tabulator()
        self._behaviour = BehaviourReader(run)
        self._timing, self._file = TimingReader(), TimingFile(run.folder)
        self._columns = None if columns is None else ColumnsWriter(run, columns)
        self._replays = None if caps is None else ReplaysReader(run, caps, trust=trust)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for one in (self._columns, self._replays):
                if one is not None:
                    opened.enter_context(one)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def read(self, matches: Iterable[list[Line]], progress: Callable[[int], None] | None = None) -> Known:
        """All matches of the run that are over, in its order. Its timing file is read to the end after the last one.

        `progress` is called with the number of matches so far. RecordError where the log is damaged, or a file cannot
        be written.
        """
        for number, lines in enumerate(matches, 1):
            self._note(lines)
            if progress is not None:
                progress(number)
            if number % OFTEN == 0:
                self._read_timing()
        self._read_timing()
        facts = self._facts.facts()
        behaviour = self._behaviour.behaviour(self._facts.answers, self._timing.seconds)
        replays = None if self._replays is None else self._replays.replays()
        return Known(self._tabulator.tables(), facts, behaviour, self._timing.times, replays)

    def _note(self, lines: list[Line]) -> None:
        self._facts.note(lines)  # it says in words what is no match of the plan
        for line in lines:
            self._tabulator.note(line)
            self._behaviour.note(line)
        if self._columns is not None:
            self._columns.note(lines)
        if self._replays is not None:
            self._replays.note(lines)

    def _read_timing(self) -> None:
        for lines in self._file.pieces():
            for line in lines:
                self._timing.note(line)
            if self._columns is not None:
                self._columns.timed(lines)


def read_run(
    run: Run,
    *,
    columns: Path | None = None,
    caps: Caps | None = None,
    trust: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Known:
    """What is known of a run; in the same pass its Parquet files are written into the folder `columns`, if any, and
    with `caps` its matches are made ready for a page. `trust` and `progress` as in verify.

    RecordError where its log is damaged, or a file cannot be written. MissingExtraError without pyarrow.
    """
    with RunReader(run, columns=columns, caps=caps, trust=trust) as reader:
        return reader.read(run.played(), progress)
