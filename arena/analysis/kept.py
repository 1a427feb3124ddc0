"""analysis.json of a run folder: written by `arena evaluate`, computed again by `arena verify`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from arena.analysis.outcomes import OutcomeReader, Outcomes, read_outcomes
from arena.analysis.summary import Analysis, analyse
from arena.errors import RecordError
from arena.evaluate.metrics import METRICS
from arena.log import Line
from arena.record.reader import Run

FILE = "analysis.json"


def analysis_of(run: Run, metrics: Sequence[str] = (), outcomes: Outcomes | None = None) -> Analysis:
    """Computed from the log, or from `outcomes` of it; no metrics: all of them. RecordError if it is damaged."""
    found = read_outcomes(run) if outcomes is None else outcomes
    return analyse(found, run.head.plan.twins, metrics=metrics or tuple(METRICS))


class Passing:
    """Notes the outcomes of a run while its tables are computed, so that the log is read once (`Run.tables`)."""

    def __init__(self) -> None:
        self._reader: OutcomeReader | None = None

    def __call__(self, run: Run, matches: Iterable[Sequence[Line]]) -> Iterator[Line]:
        self._reader = OutcomeReader(run)
        return self._reader.read(matches)

    @property
    def outcomes(self) -> Outcomes | None:
        """Of the matches that passed; None where no tables were computed."""
        return None if self._reader is None else self._reader.outcomes()


def write_analysis(run: Run, metrics: Sequence[str] = (), outcomes: Outcomes | None = None) -> Analysis:
    """Computes it and writes it into the folder; `outcomes` of the run, if they are known, else its log is read."""
    found = analysis_of(run, metrics, outcomes)
    text = msgspec.json.format(msgspec.json.encode(found, order="deterministic"), indent=1)
    path = run.folder / FILE
    part = path.with_suffix(".part")
    part.write_bytes(text + b"\n")
    part.replace(path)
    return found


def read_analysis(run: Run) -> Analysis | None:
    """What was written; None if nothing was."""
    path = run.folder / FILE
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Analysis)
    except msgspec.DecodeError as error:
        raise RecordError(f"{path} is damaged: {error}") from error


def check_analysis(run: Run) -> str | None:
    """What is wrong with analysis.json, in words; None if it is what the log gives, or there is none."""
    written = read_analysis(run)
    if written is None or _close(msgspec.to_builtins(written), msgspec.to_builtins(analysis_of(run, written.metrics))):
        return None
    return f"{FILE} is not what the log gives: delete it, or write it anew (arena.analysis.kept.write_analysis)"


def _close(one: object, other: object) -> bool:
    """Equal, but for the last digits that another processor may compute."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-6 * max(1.0, abs(one), abs(other))
    return one == other
