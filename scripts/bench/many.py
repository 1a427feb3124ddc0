"""Many matches: does memory stay flat, and does time grow as the matches do?

    python scripts/bench/many.py [--matches 10000 30000 100000] [--ticks 4] [--concurrency 16]

Plays so many matches of a no-op game of two seats, in one process with its operators, and writes whole run folders.
Each number of matches has a process of its own, which reports its peak of memory (RSS) and its seconds of processor
time for playing (log included) and for the table (read from the log). Ratios are to the first number: a memory of 1.0
is flat, and a time for each match of 1.0 is linear.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from arena.evaluate.schedules import one_table
from arena.game import Views
from arena.local_workers import LocalWorkers
from arena.plan import Entry, Limits
from arena.play import describe
from arena.record.reader import Run
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.testing.noop import NOOP, Noop


def play(matches: int, ticks: int, concurrency: int, folder: Path) -> dict[str, Any]:
    """One run. Seconds of this process, and the peak of memory in MiB."""
    entries = tuple(Entry(f"noop#{i}", NOOP, "", {"i": i}, "noop", Views()) for i in range(2))
    plan = one_table(Noop(2), "noop", entries, matches=matches, limits=Limits(max_ticks=ticks))
    began = time.process_time()
    with closing(Recorder(folder, describe(plan))) as recorder:
        Scheduler(plan, LocalWorkers(entries), concurrency=concurrency, recorder=recorder).run()
        played = time.process_time()
        [table] = Run(folder).tables()
        recorder.results([table])
    assert table.matches == matches
    return {
        "play": played - began,
        "table": time.process_time() - played,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "log": sum(path.stat().st_size for path in folder.glob("log-*.jsonl")) / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--ticks", type=int, default=4)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        with tempfile.TemporaryDirectory(prefix="arena-bench-") as folder:
            print(json.dumps(play(given.matches[0], given.ticks, given.concurrency, Path(folder) / "run")))
        return
    print("| matches | log MiB | peak MiB | to the first | play s | a match, to the first | table s | to the first |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    first: dict[str, float] = {}
    for matches in given.matches:
        words = ["--one", "--matches", matches, "--ticks", given.ticks, "--concurrency", given.concurrency]
        told = subprocess.run(
            [sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        one = json.loads(told)
        each = {"peak": one["peak"], "play": one["play"] / matches, "table": one["table"] / matches}
        first = first or each
        ratio = {name: f"{value / first[name]:.2f}" for name, value in each.items()}
        print(
            f"| {matches:,} | {one['log']:.0f} | {one['peak']:.1f} | {ratio['peak']} | {one['play']:.1f} "
            f"| {ratio['play']} | {one['table']:.2f} | {ratio['table']} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
