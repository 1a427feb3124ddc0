"""All that an evaluation tells of a run, read in one pass over its log and one over its timing file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
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

OFTEN = 256  # matches after which the timing file is read on


@dataclass(slots=True)
class Known:
    """What was read of a run. All but `times` and the seconds of `behaviour` follow from the log alone."""

    tables: list[ScoreTable]
    facts: Facts
    behaviour: list[GameBehaviour]
    times: Times


class RunReader(AbstractContextManager["RunReader"]):
    """Reads the matches of `run` that it is given; its Parquet files are written into the folder `columns`, if any."""

    def __init__(self, run: Run, *, columns: Path | None = None) -> None:
        self._facts = FactsReader(run)
        self._tabulator = run.tabulator()
        self._behaviour = BehaviourReader(run)
        self._timing, self._file = TimingReader(), TimingFile(run.folder)
        self._columns = None if columns is None else ColumnsWriter(run, columns)
        self._writing = self._columns or nullcontext()

    def __enter__(self) -> Self:
        self._writing.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writing.__exit__(kind, error, trace)

    def read(self, matches: Iterable[Sequence[Line]]) -> Known:
        """All matches of the run, in its order; its timing file is read to the end after the last of them.

        RecordError where the log is damaged, or a file cannot be written.
        """
        for number, lines in enumerate(matches, 1):
            self._note(lines)
            if number % OFTEN == 0:
                self._read_timing()
        self._read_timing()
        facts = self._facts.facts()
        behaviour = self._behaviour.behaviour(self._facts.answers, self._timing.seconds)
        return Known(self._tabulator.tables(), facts, behaviour, self._timing.times)

    def _note(self, lines: Sequence[Line]) -> None:
        self._facts.note(lines)  # it says in words what is no match of the plan
        for line in lines:
            self._tabulator.note(line)
            self._behaviour.note(line)
        if self._columns is not None:
            self._columns.note(lines)

    def _read_timing(self) -> None:
        for lines in self._file.pieces():
            for line in lines:
                self._timing.note(line)
            if self._columns is not None:
                self._columns.timed(lines)


def read_run(run: Run, *, columns: Path | None = None) -> Known:
    """What is known of a run; its Parquet files are written into the folder `columns` in the same pass, if any.

    RecordError where its log is damaged, or a file cannot be written. MissingExtraError without pyarrow.
    """
    with RunReader(run, columns=columns) as reader:
        return reader.read(run.played())
