"""What an evaluation adds to playing: processor time and memory of its parts, over many matches.

    TMPDIR=/dev/shm python scripts/bench/evaluation.py [--matches 20000 50000 100000] [--ticks 4] [--pool 4]

Plays so many matches of a no-op game of two seats, each pair of the pool in turn, in one process with its operators and
with a log; then each part of an evaluation reads that log in a process of its own: tables and statistics in one pass,
which are the results of `arena evaluate`, and what it exports after them: Parquet files, and the page, in which are the
audit and behaviour; `all of it` does what that command does after the last match. Seconds are of the processor, imports
included; `share` is to the seconds of playing. `peak` is the most memory (RSS, MiB) of the process, and `of matches`
what it is above that of the same part over 24 matches.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.evaluate.schedules import RoundRobin
from arena.game import Views
from arena.local_workers import LocalWorkers
from arena.plan import Entry, Limits, Plan, PlannedGame, Setting
from arena.play import describe
from arena.record.reader import Run
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.testing.noop import NOOP, Noop

if TYPE_CHECKING:
    from arena.report.page import Known


def play(folder: Path, matches: int, ticks: int, pool: int) -> None:
    entries = tuple(Entry(f"noop#{i}", NOOP, "", {"i": i}, "noop", Views()) for i in range(pool))
    game = PlannedGame("noop", Noop(2), entries)
    schedule = RoundRobin(Setting(pool, (2,), True), name="round_robin")
    plan = Plan((game,), schedule, matches=matches, limits=Limits(max_ticks=ticks))
    with closing(Recorder(folder, describe(plan))) as recorder, LocalWorkers(entries) as workers:
        Scheduler(plan, workers, concurrency=16, recorder=recorder).run()
        recorder.results(Run(folder).tables())


def tables(run: Run) -> None:
    run.tables()


def audit(run: Run) -> None:
    from arena.analysis.audit import audit

    audit(run)


def behaviour(run: Run) -> None:
    from arena.analysis.behaviour import behaviour

    behaviour(run)


def columns(run: Run) -> None:
    from arena.report.columns import write_columns

    write_columns(run)


def page(run: Run) -> None:
    from arena.report.page import write_report

    write_report([run])


def tables_and_statistics(run: Run) -> Known:
    """As `arena evaluate` does, in one pass, with what the audit looks at."""
    from arena.analysis.audit_facts import FactsReader
    from arena.analysis.summary import analyse

    reader = FactsReader()
    tables, facts = run.tables(reader), reader.facts()
    assert facts is not None
    analyse(facts.outcomes)
    return tables, facts


def all_of_it(run: Run) -> None:
    """What `arena evaluate` does after the last match."""
    from arena.report.page import write_report

    known = tables_and_statistics(run)
    columns(run)
    write_report([run], known=known)


PARTS: dict[str, Callable[[Run], object]] = {
    "tables": tables,
    "tables and statistics": tables_and_statistics,
    "Parquet files": columns,
    "page": page,
    "audit": audit,
    "behaviour": behaviour,
    "all of it": all_of_it,
}


def measured(act: Callable[[], None]) -> dict[str, float]:
    """Seconds of this process, and its peak of memory in MiB."""
    began = time.process_time()
    act()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.process_time() - began, "peak": peak}


def apart(*words: object) -> dict[str, Any]:
    """What a process of its own measures."""
    command = [sys.executable, __file__, *map(str, words)]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return found


def one(given: argparse.Namespace) -> None:
    folder, matches = Path(given.folder), given.matches[0]
    if given.part == "play":
        print(json.dumps(measured(lambda: play(folder, matches, given.ticks, given.pool))))
    else:
        print(json.dumps(measured(lambda: PARTS[given.part](Run(folder)))))


def tell(matches: int, part: str, found: dict[str, float], share: str, least: float) -> None:
    cells = (f"{matches:,}", part, f"{found['seconds']:.2f}", share, f"{found['peak']:.0f}")
    print(f"| {' | '.join(cells)} | {found['peak'] - least:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, nargs="+", default=[20_000, 50_000, 100_000])
    parser.add_argument("--ticks", type=int, default=4)
    parser.add_argument("--pool", type=int, default=4)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        one(given)
        return
    print("| matches | part | seconds | share | peak | of matches |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="arena-bench-") as name:
        how = ["--ticks", given.ticks, "--pool", given.pool]
        few = Path(name) / "few"
        apart("--part", "play", "--folder", few, "--matches", 24, *how)
        bare = {part: apart("--part", part, "--folder", few)["peak"] for part in PARTS}
        least = apart("--part", "play", "--folder", Path(name) / "least", "--matches", 24, *how)["peak"]
        for matches in given.matches:
            folder = Path(name) / str(matches)
            played = apart("--part", "play", "--folder", folder, "--matches", matches, *how)
            tell(matches, "playing", played, "", least)
            for part in PARTS:
                found = apart("--part", part, "--folder", folder)
                tell(matches, part, found, f"{found['seconds'] / played['seconds']:.1%}", bare[part])


if __name__ == "__main__":
    main()
