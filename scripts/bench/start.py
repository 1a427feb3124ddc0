"""Starting: how long from a command to its help, and to the table of a match?

    python scripts/bench/start.py [--rounds 10]

Times whole processes, in alternating rounds of the same run: `python -c pass` is the reference, `arena --help`, and a
match of leduc between two `random`, from the command to the table. Prints medians and their ratios to the reference;
the processor's time is that of the process and of the workers that it waited for.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = [sys.executable]
ARENA = [sys.executable, "-m", "arena"]
PLAY = [*ARENA, "play", "--game", "leduc", "--operators", "random,random", "--seed", "1"]


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """From start to end of a process that must succeed: seconds, and seconds of a processor."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} failed: exit code {process.returncode}"
    return took, used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    took: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="arena-bench-") as private:
        folder = Path(private)
        for number in range(rounds + 1):
            commands = {
                "python -c pass": [*PYTHON, "-c", "pass"],
                "arena --help": [*ARENA, "--help"],
                "a match of two `random`": [*PLAY, "--out", str(folder / str(number))],
            }
            for what, command in commands.items():
                once = seconds(command, folder)
                if number:  # the first round compiles what was never imported
                    took.setdefault(what, []).append(once)
    print("| what | median | slowest | ratio | processor |\n| --- | --- | --- | --- | --- |")
    reference = statistics.median(wall for wall, _ in took["python -c pass"])
    for what, times in took.items():
        median, used = (statistics.median(values) for values in zip(*times, strict=True))
        slowest = max(wall for wall, _ in times)
        print(
            f"| {what} | {median * 1000:.0f} ms | {slowest * 1000:.0f} ms | {median / reference:.1f} "
            f"| {used * 1000:.0f} ms |"
        )


if __name__ == "__main__":
    main()
