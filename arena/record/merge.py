"""Merges the parts of a run that were played apart: the log, byte for byte, that one run would have left."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from arena.errors import RecordError
from arena.evaluate.table import ScoreTable
from arena.record import shards, turns
from arena.record.head import Head
from arena.record.measured import with_measures
from arena.record.reader import Run
from arena.record.resume import differences
from arena.record.writer import Recorder


def merge(parts: Sequence[Path], out: Path) -> list[ScoreTable]:
    """Make one run in the new folder `out` of all parts of a plan, in any order; the result tables.

    RecordError for parts of different plans, that overlap, that leave a gap, or of which one is damaged or not whole.
    """
    runs = sorted((Run(folder) for folder in parts), key=lambda run: run.head.first)
    if len(runs) < 2:
        raise RecordError("merge needs two parts or more: arena merge PART PART ... --out RUN")
    for run in runs:
        _check(run, runs[0])
    _check_whole(runs)
    _check_turns(runs)
    facts = [run.facts() for run in runs]  # a damaged file is refused before anything is written
    head = msgspec.structs.replace(runs[0].head, part=None)
    with closing(Recorder(out, head, files=False)) as recorder:
        for run, said in zip(runs, facts, strict=True):
            _copy(run, recorder)
            for operator, several in said.items():
                for one in several:
                    recorder.facts(operator, one)
        tables = with_measures(Run(out), Run(out).tables())
        recorder.settle()
        recorder.usage(Run(out).times(), runs[0].prices())
        recorder.results(tables)
    return tables


def _check(run: Run, first: Run) -> None:
    """RecordError where `run` is not a complete part of the plan of `first`."""
    if run.head.share is None:
        raise RecordError(f"{run.folder} is not part of a run: it was played whole")
    if run.head.arena != first.head.arena:
        raise RecordError(
            f"{run.folder} was played with agent-arena {run.head.arena}, {first.folder} with {first.head.arena}: "
            "parts are played with one version"
        )
    one, other = (msgspec.structs.replace(head, part=None) for head in (first.head, run.head))
    for what, here, there in [*differences(one, other), *_operators(one, other)]:
        raise RecordError(
            f"{run.folder} is a part of another plan than {first.folder}: its {what} is {there}, there it is {here}"
        )
    if not run.ended:
        raise RecordError(
            f"{run.folder} is not complete: {run.logged} of {run.head.count} matches. Go on with it first: "
            f"arena play --resume {run.folder}"
        )


def _operators(one: Head, other: Head) -> list[tuple[str, object, object]]:
    """How what the operators are made of differs."""
    games = zip(one.games, other.games, strict=True)
    pairs = [pair for game, also in games for pair in zip(game.operators, also.operators, strict=True)]
    return [
        (f"operator {a.name}", a.fingerprint, b.fingerprint)
        for a, b in pairs
        if sorted(a.fingerprint.values()) != sorted(b.fingerprint.values())
    ]


def _check_whole(runs: Sequence[Run]) -> None:
    """RecordError for a match that is in two parts or in none."""
    due, before = 0, None
    for run in runs:
        share = run.head.share
        assert share is not None
        if share.start < due:
            raise RecordError(f"match {share.start} is in {before} and in {run.folder}: a part is given once")
        if share.start > due:
            raise RecordError(f"matches {due} to {share.start - 1} are in no part: play them, or give that part too")
        due, before = share.stop, run.folder
    planned = runs[0].head.plan.matches or 0
    if due < planned:
        raise RecordError(f"matches {due} to {planned - 1} are in no part: play them, or give that part too")


def _check_turns(runs: Sequence[Run]) -> None:
    having = [run for run in runs if turns.store_of(run.folder).is_file()]
    if having and len(having) < len(runs):
        lacks = next(run for run in runs if run not in having)
        raise RecordError(f"{having[0].folder} has kept its turns and {lacks.folder} has not: they cannot be merged")


def _copy(run: Run, recorder: Recorder) -> None:
    """All that `run` has, at the end of what is there."""
    to = recorder.folder
    for lines in run.matches():
        match = run.plan(lines[0]).index
        if match != recorder.due or not shards.is_whole(lines, match):
            raise RecordError(f"{run.folder}: match {recorder.due} is not whole there, or not in its place")
        recorder.journal(match, lines)
        recorder.end(match)
    with contextlib.suppress(FileNotFoundError), (run.folder / "timing-000.jsonl").open("rb") as times:
        recorder.timings(times)
    if (run.folder / "files").is_dir():
        shutil.copytree(run.folder / "files", to / "files", dirs_exist_ok=True)
    store = turns.store_of(run.folder)
    if store.is_file():
        turns.TurnStore(to).close()  # makes it
        with closing(sqlite3.connect(turns.store_of(to))) as db:
            db.execute("attach ? as part", (str(store),))
            with db:
                for table in ("turn", "episode"):
                    db.execute(f"insert into {table} select * from part.{table}")
