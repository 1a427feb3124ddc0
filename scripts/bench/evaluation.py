"""What an evaluation adds to playing: time and memory of its parts and of the whole, over many matches.

    TMPDIR=/dev/shm python scripts/bench/evaluation.py [--matches 20000 50000 100000] [--ticks 4] [--pool 4] [--whole]

Plays so many matches of a no-op game of two seats, each pair of the pool in turn, in one process with its operators and
with a log. Then each part of an evaluation reads that log in a process of its own: seconds are of the processor,
imports included; `share` is to the seconds of playing. `peak` is the most memory (RSS, MiB) of the process, and `of
matches` what it is above that of the same part over 24 matches.

Then evaluations as a whole, which do what `arena evaluate` does, with the process beside that reads the log while it
grows, and without. `after`: from the last match to the finished folder; `beside`: that process, start included. By the
clock, and in seconds of the processor; shares are to those of playing, in the same run.
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
from typing import Any

from arena.evaluate.schedules import RoundRobin
from arena.game import Views
from arena.local_workers import LocalWorkers
from arena.match import Match
from arena.observer import Observer
from arena.operator import Outcome
from arena.plan import Entry, Limits, Plan, PlannedGame, Setting
from arena.play import describe
from arena.record.reader import Run, read_tables
from arena.record.writer import Recorder
from arena.report.beside import ReadingBeside
from arena.scheduler import Scheduler
from arena.testing import noop
from arena.testing.noop import NOOP, Noop

GAME = f"{noop.__file__}:Noop"  # so that the page can play its matches again, in a host as those of any file


class Clock(Observer):
    """When the last match was over, by the clock and by the processor; `reading` hears of every one."""

    def __init__(self, reading: ReadingBeside | None) -> None:
        self._reading = reading

    def ended(self, match: Match, outcome: Outcome) -> None:
        self.over = time.monotonic(), time.process_time()
        if self._reading is not None:
            self._reading.grew()


def play(folder: Path, matches: int, ticks: int, pool: int, reading: ReadingBeside | None = None) -> Clock:
    entries = tuple(Entry(f"noop#{i}", NOOP, "", {"i": i}, "noop", Views()) for i in range(pool))
    game = PlannedGame(GAME, Noop(2), entries)
    schedule = RoundRobin(Setting(pool, (2,), True), name="round_robin")
    plan = Plan((game,), schedule, matches=matches, limits=Limits(max_ticks=ticks))
    clock = Clock(reading)
    with closing(Recorder(folder, describe(plan))) as recorder, LocalWorkers(entries) as workers:
        Scheduler(plan, workers, concurrency=16, recorder=recorder, observer=clock).run()
        recorder.settle()
        recorder.results((read_tables if reading is None else reading.read)(Run(folder))[0])
    return clock


def evaluation(folder: Path, matches: int, ticks: int, pool: int, *, beside: bool) -> dict[str, float]:
    """As `arena evaluate`: plays, and makes all files of the folder. Seconds, of the process beside it too."""
    from arena.analysis.kept import write_analysis
    from arena.report import beside as module
    from arena.report.page import write_report

    if not beside:
        module.LONG = sys.maxsize
    began = time.monotonic(), time.process_time()
    with closing(module.ReadingBeside(folder, print)) as reading:
        clock = play(folder, matches, ticks, pool, reading)
        run = Run(folder)
        write_analysis(run, (), reading.known.facts.outcomes)
        write_report([run], known=reading.known)
    ended, other = (time.monotonic(), time.process_time()), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "clock": clock.over[0] - began[0],
        "clock after": ended[0] - clock.over[0],
        "seconds": clock.over[1] - began[1],
        "seconds after": ended[1] - clock.over[1],
        "seconds beside": other.ru_utime + other.ru_stime,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "peak beside": other.ru_maxrss / 1024,
    }


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


def statistics(run: Run) -> None:
    from arena.analysis.kept import analysis_of

    analysis_of(run)


PARTS: dict[str, Callable[[Run], object]] = {
    "tables": tables,
    "statistics": statistics,
    "audit": audit,
    "behaviour": behaviour,
    "Parquet files": columns,
    "page": page,
}
WHOLE = {"read beside": True, "read afterwards": False}  # evaluations as a whole


def measured(act: Callable[[], object]) -> dict[str, float]:
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
    how = folder, matches, given.ticks, given.pool
    if given.part == "play":
        print(json.dumps(measured(lambda: play(*how))))
    elif given.part in WHOLE:
        print(json.dumps(evaluation(*how, beside=WHOLE[given.part])))
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
    parser.add_argument("--whole", action="store_true", help="only evaluations as a whole")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        one(given)
        return
    with tempfile.TemporaryDirectory(prefix="arena-bench-") as name:
        how = ["--ticks", given.ticks, "--pool", given.pool]
        if not given.whole:
            parts(Path(name), given.matches, how)
        wholes(Path(name), given.matches, how)


def parts(name: Path, several: list[int], how: list[object]) -> None:
    """Each part of an evaluation in a process of its own."""
    print("| matches | part | seconds | share | peak | of matches |\n| --- | --- | --- | --- | --- | --- |")
    few = name / "few"
    apart("--part", "play", "--folder", few, "--matches", 24, *how)
    bare = {part: apart("--part", part, "--folder", few)["peak"] for part in PARTS}
    least = apart("--part", "play", "--folder", name / "least", "--matches", 24, *how)["peak"]
    for matches in several:
        folder = name / str(matches)
        played = apart("--part", "play", "--folder", folder, "--matches", matches, *how)
        tell(matches, "playing", played, "", least)
        for part in PARTS:
            found = apart("--part", part, "--folder", folder)
            tell(matches, part, found, f"{found['seconds'] / played['seconds']:.1%}", bare[part])


def wholes(name: Path, several: list[int], how: list[object]) -> None:
    """Evaluations as a whole, with a process beside them and without."""
    heads = ["matches", "", "clock, playing", "after", "share", "processor, playing", "after", "beside", "share"]
    heads += ["peak", "peak beside"]
    for row in (heads, ["---"] * len(heads)):
        print(f"| {' | '.join(row)} |")
    for matches in several:
        for part in WHOLE:
            found = apart("--part", part, "--folder", name / f"{part} {matches}", "--matches", matches, *how)
            later = found["seconds after"] + found["seconds beside"]
            cells = [
                *(f"{found[which]:.1f}" for which in ("clock", "clock after")),
                f"{found['clock after'] / found['clock']:.1%}",
                *(f"{found[which]:.1f}" for which in ("seconds", "seconds after", "seconds beside")),
                f"{later / found['seconds']:.1%}",
                *(f"{found[which]:.0f}" for which in ("peak", "peak beside")),
            ]
            print(f"| {matches:,} | {part} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
