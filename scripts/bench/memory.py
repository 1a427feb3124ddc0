"""Memory at its peak: of the arena, of each worker, and of one more match in each of them.

`python scripts/bench/memory.py` plays each line of CASES at few and at many matches at a time, and reads the high-water
mark of every process (VmHWM of /proc, so Linux only). What one more match takes is the difference over the matches.
The numbers in arena/concurrency.py and in the kinds of operators are its results, rounded up.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

FEW, MANY = 2, 66
CASES = (
    ("kuhn", ("random", "random")),
    ("holdem", ("random", "random")),
    ("holdem", ("ppo", "random")),
    ("holdem", ("vlm:nano", "random")),
    ("leduc", ("llm:smollm2", "random")),
    ("sidescroller", ("vlm:nano", "random")),
)
MIB = 2**20


def main(cases: Sequence[tuple[str, Sequence[str]]] = CASES) -> None:
    print(f"{'game':14}{'process':16}{f'at {FEW}':>10}{f'at {MANY}':>10}{'a match':>10}   MiB")
    for game, operators in cases:
        few, many = (peaks(game, operators, matches) for matches in (FEW, MANY))
        for name in few:
            more = (many[name] - few[name]) / (MANY - FEW)
            print(f"{game:14}{name:16}{few[name] / MIB:10.0f}{many[name] / MIB:10.0f}{more / MIB:10.2f}", flush=True)


def peaks(game: str, operators: Sequence[str], matches: int) -> dict[str, int]:
    """Bytes at their peak, by process, of a run that has so many matches in play."""
    folder = Path(tempfile.mkdtemp(prefix="arena-memory-"))
    command = [sys.executable, "-m", "arena", "play", "--game", game, "--quiet", "--seed", "1"]
    command += ["--operators", ",".join(operators), "--out", str(folder / "run"), "--max-ticks", "6"]
    command += ["--matches", str(2 * matches), "--concurrency", str(matches)]
    found: dict[str, int] = {}
    try:
        with (folder / "said").open("w", encoding="utf-8") as said:
            arena = subprocess.Popen(command, stdout=said, stderr=said)
        while arena.poll() is None:
            found["arena"] = max(found.get("arena", 0), peak(arena.pid))
            for worker in children(arena.pid):
                if (name := called(worker)) is not None:
                    found[name] = max(found.get(name, 0), peak(worker))
            time.sleep(0.02)
        if arena.returncode:
            sys.exit((folder / "said").read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(folder)
    return found


def children(process: int) -> list[int]:
    """The processes that it started."""
    try:
        return [
            int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split()
        ]
    except OSError:
        return []


def called(process: int) -> str | None:
    """The name of a worker, by its log, which is its output; None for another process."""
    try:
        found = re.search(r"/workers/(.*)-\d+\.log$", os.readlink(f"/proc/{process}/fd/1"))
    except OSError:
        return None
    return None if found is None else found[1]


def peak(process: int) -> int:
    """The most memory in bytes that it has had; 0 when it is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    except OSError:
        return 0
    return 0 if found is None else int(found[1]) * 1024


if __name__ == "__main__":
    main()
