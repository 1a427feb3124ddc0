"""Verifying in several processes: seconds, and how the processor time is shared.

    python scripts/bench/verify.py [--matches 1200] [--processes 1 2 4]

Plays hold'em for three, and verifies the run with so many processes. `first` is the processor time of the process that
reads the log, `others` that of those which play matches again: on as many free cores the time is the larger of the
first's and the others' divided by their number. Seconds mean little on a busy machine.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify


def processor(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, default=1200)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arena-bench-") as name:
        plan = build_plan("holdem@hands=1", ["scripted", "random", "random"], matches=given.matches)
        run_plan(plan, Path(name) / "run", concurrency=64)
        print("| processes | first | others | seconds |\n| --- | --- | --- | --- |")
        for count in given.processes:
            mine, others = processor(resource.RUSAGE_SELF), processor(resource.RUSAGE_CHILDREN)
            began = time.monotonic()
            assert verify(Run(Path(name) / "run"), processes=count).passed
            mine, others = processor(resource.RUSAGE_SELF) - mine, processor(resource.RUSAGE_CHILDREN) - others
            print(f"| {count} | {mine:.1f} s | {others:.1f} s | {time.monotonic() - began:.1f} |", flush=True)


if __name__ == "__main__":
    main()
