"""Verification: plays every match again from its log (arena/record/replay.py) and compares every line.

It finds a changed answer, action, hash, reward or result, at the first match and tick that shows it. Who chose an
answer cannot be proved from a log.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

import msgspec

from arena.canonical import LARGEST
from arena.errors import RecordError
from arena.log import EndLine, MatchLine
from arena.plan import MatchResult
from arena.record.checker import Checker, Problem, Report, Task
from arena.record.documents import close
from arena.record.measured import bare, with_measures
from arena.record.pieces import Pieces
from arena.record.reader import Run
from arena.record.replay import Replay
from arena.schedule import PlannedMatches


def verify(
    run: Run, *, trust: bool = False, processes: int = 1, progress: Callable[[int], None] | None = None
) -> Report:
    """Re-executes every match of `run`. Raises RecordError if this installation cannot (a game or version is missing).

    processes: that share the matches of a long run; the report is the same. `progress` is called with the number of
    matches so far. `trust`: run a game from the run folder although it was never played here.
    """
    with ExitStack() as stack:
        replay = stack.enter_context(closing(Replay(run, trust=trust)))
        pieces = stack.enter_context(closing(Pieces(Checker(run, replay), processes, trust)))
        report = Report(
            planned=run.head.count, stopped=not run.ended, engines=replay.other_engines(), heard=run.head.hears
        )
        for piece in pieces.of(_walk(run, replay, report.stopped)):
            report.add(piece)
            if progress is not None:
                progress(report.matches)
        # A table of wrong lines has no meaning.
        if not report.problems and (why := _tables(run, trust)) is not None:
            report.problems.append(Problem(-1, -1, why))
        return report


def _tables(run: Run, trust: bool) -> str | None:
    """What is wrong with results.json; None: nothing, or the run stopped before there was one."""
    try:
        recorded = run.recorded_tables()
    except RecordError as error:
        return str(error)
    if recorded is None:
        return None
    # Scores follow from the log's numbers; what games measure may differ in the last digits on another processor.
    found = with_measures(run, run.tables(), trust=trust)
    here, there = ([msgspec.to_builtins(table.measures) for table in tables] for tables in (found, recorded))
    return None if bare(found) == bare(recorded) and close(here, there) else "results.json is not what the log gives"


def _walk(run: Run, replay: Replay, stopped: bool) -> Iterator[Problem | Task]:
    """The matches to check in the order of the log, and what is wrong with that order."""
    head = run.head
    due = head.first  # the number of the next match
    end = LARGEST if head.count is None else head.first + head.count
    schedule: PlannedMatches | None = replay.planned()  # None: it would have to hear of matches that are not there
    missing: list[range] = []
    for number, lines in enumerate(run.played()):
        line = lines[0]
        if not isinstance(line, MatchLine):
            yield Problem(-1, -1, f"a {type(line).__name__} stands where match {due} should begin")
            continue
        if not due <= line.match < end:
            why = f"{head.count} are planned" if line.match >= end else "it stands there twice, or out of order"
            yield Problem(line.match, -1, f"the log has match {line.match}, but {why}")
            continue
        if due < line.match:
            # In a stopped run, finished matches wait in open/ for earlier ones.
            if not (stopped and number >= run.logged):
                missing.append(range(due, line.match))
            schedule = None if head.hears else replay.planned(range(line.match, end))
        due = line.match + 1
        planned = schedule.peek() if schedule is not None else None
        if schedule is not None and planned is None:
            yield Problem(line.match, -1, "the schedule gives no match there")
            schedule = None
        plan = planned or run.plan(line)
        if schedule is not None:
            schedule.take()
            if isinstance(last := lines[-1], EndLine):
                schedule.hear(MatchResult(plan, last.status, last.returns))
        yield Task(plan, lines)
    if not stopped and head.count is not None and due < end:
        missing.append(range(due, end))
    elif not stopped and schedule is not None and not schedule.over:
        yield Problem(due, -1, f"the schedule goes on, and the log has no match {due}")
    yield from _absent(missing, head.count)


def _absent(missing: Sequence[range], planned: int | None) -> list[Problem]:
    """The problem for planned matches that the log lacks."""
    count = sum(numbers.stop - numbers.start for numbers in missing)  # len() of a range ends at 2^63
    if not count:
        return []
    first = list(itertools.islice(itertools.chain.from_iterable(missing), 10))
    listed = ", ".join(map(str, first)) + (", ..." if count > 10 else "")
    of = "" if planned is None else f" of {planned}"
    text = f"{count}{of} planned matches are missing: {listed}"
    return [Problem(first[0], -1, text)]
