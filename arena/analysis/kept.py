"""analysis.json of a run folder: written by `arena evaluate`, computed again by `arena verify`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

import arena
from arena import commands
from arena.analysis.exact import read_exact
from arena.analysis.outcomes import Outcomes, read_outcomes
from arena.analysis.summary import FORMAT, Analysis, analyse
from arena.errors import RecordError
from arena.evaluate.metrics import EXACT, METRICS
from arena.record.disk import Disk
from arena.record.documents import OtherVersionError, close, read_json
from arena.record.reader import Run

FILE = "analysis.json"


def analysis_of(run: Run, metrics: Sequence[str] = (), outcomes: Outcomes | None = None) -> Analysis:
    """Computed from the log, or from `outcomes` of it; no metrics: METRICS. RecordError if it is damaged."""
    found = read_outcomes(run) if outcomes is None else outcomes
    exact = read_exact(run, found) if set(metrics) & set(EXACT) else None
    return analyse(found, run.head.plan.twins, metrics=metrics or tuple(METRICS), exact=exact)


def write_analysis(run: Run, metrics: Sequence[str] = (), outcomes: Outcomes | None = None) -> Analysis:
    """Computes it and writes it into the folder; `outcomes` of the run, if they are known, else its log is read.

    RecordError where it cannot be written.
    """
    found = analysis_of(run, metrics, outcomes)
    path = run.folder / FILE
    try:
        Disk().replace_json(path, found)
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror or error}") from error
    return found


def write_anew(run: Run) -> None:
    """Writes it in place of what is there, with the same metrics as far as that says them."""
    write_analysis(run, _metrics(run))


def read_analysis(run: Run) -> Analysis | None:
    """What was written; None if nothing was. RecordError for one that cannot be read, or is of another version."""
    path = run.folder / FILE
    return read_json(path, Analysis, format=FORMAT) if path.is_file() else None


def usable_analysis(run: Run, outcomes: Outcomes | None = None) -> tuple[Analysis | None, str | None]:
    """What was written; where that cannot be used, the same computed from the log, and why, in words.

    `outcomes` of the run, if they are known. (None, None) if nothing was written.
    """
    try:
        return read_analysis(run), None
    except RecordError as error:
        return analysis_of(run, _metrics(run), outcomes), f"{error}. What stands here was computed from the log."


def _metrics(run: Run) -> Sequence[str]:
    """Those that the analysis is of, as far as it can be read; none: all."""

    class Written(msgspec.Struct):
        metrics: list[str]

    try:
        found = read_json(run.folder / FILE, Written).metrics
    except (RecordError, FileNotFoundError):
        return ()
    return found if set(found) <= set(METRICS) else ()


def check_analysis(run: Run) -> str | None:
    """What is wrong with analysis.json, in words; None if it is what the log gives, or there is none.

    OtherVersionError for one of another version, of which this one cannot tell.
    """
    again = f"`{commands.arena('report', run.folder, '--analysis')}` writes it anew"
    try:
        written = read_analysis(run)
    except OtherVersionError as error:
        raise OtherVersionError(f"{error}. {again}") from error
    except RecordError as error:
        return f"{error}. {again}"
    if written is None or close(msgspec.to_builtins(written), msgspec.to_builtins(analysis_of(run, written.metrics))):
        return None
    played, here = run.head.arena, arena.__version__
    other = "" if played == here else f" (it was played with agent-arena {played}, this is {here})"
    return f"{FILE} is not what the log gives{other}. {again}"
