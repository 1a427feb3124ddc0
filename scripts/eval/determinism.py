"""Does a run depend on how it is played? A script is played in several ways, and the runs must be equal.

    python scripts/eval/determinism.py [SCRIPT] [--set operators=...] [--ways again,sixteen,killed,ray]

SCRIPT is one for `arena evaluate`; without it, a small one that stands here. It is played one match at a time (or with
`-c`), and then: `again` in the same way, `sixteen` matches at once, `killed` by SIGKILL after half of the log and
resumed, and on the two nodes of a `ray` cluster on this machine. Compared are the log, the tables and the analysis.

Where an operator is not the same at every concurrency (a server without batch-invariant kernels), the logs differ, and
what is printed is how often its answers to the same question do. Exit code 1 if one that is said to repeat did not.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from arena.evaluation import Evaluation
from arena.log import MatchLine, TurnLine
from arena.record.reader import Run

EVALUATION = Evaluation(
    name="determinism",
    games=("kuhn@seats=2", "leduc@seats=2"),
    operators=("vlm", "scripted", "random", "random"),
    blocks=2,
    seed=7,
)
QUIET = subprocess.DEVNULL
Command = Callable[..., list[str]]  # of words after `arena evaluate SCRIPT`


def again(command: Command, out: Path, first: Path, at_once: int) -> None:
    """In the same way a second time."""
    subprocess.run(command("-c", at_once, "--out", out), check=True, stdout=QUIET)


def sixteen(command: Command, out: Path, first: Path, at_once: int) -> None:
    """Sixteen matches at once."""
    subprocess.run(command("-c", 16, "--out", out), check=True, stdout=QUIET)


def killed(command: Command, out: Path, first: Path, at_once: int) -> None:
    """Sixteen at once, killed with SIGKILL when half of the log is there, and resumed."""
    process = subprocess.Popen(command("-c", 16, "--out", out), stdout=QUIET)
    half = log_size(first) // 2
    while process.poll() is None and log_size(out) < half:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command("--resume", out), check=True, stdout=QUIET)


def ray(command: Command, out: Path, first: Path, at_once: int) -> None:
    """On two nodes of Ray's own cluster utility, on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # a busy machine takes longer than Ray's 30 s
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        cluster.add_node(**node)
        engine = f"ray@address={cluster.address}@cpus=1@ranges=2"
        subprocess.run(command("--engine", engine, "-c", 16, "--out", out), check=True, stdout=QUIET)
    finally:
        cluster.shutdown()


WAYS = {way.__name__: way for way in (again, sixteen, killed, ray)}


def logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("log-*.jsonl"))


def log_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in logs(folder))


def contents(folder: Path) -> dict[str, bytes]:
    """What equal runs have equal."""
    paths = [*logs(folder), folder / "results.json", folder / "analysis.json"]
    return {path.name: path.read_bytes() for path in paths}


def disagreements(one: Run, other: Run) -> dict[str, tuple[int, int]]:
    """Of each operator: how many answers to the same question differ, and how many questions were the same."""
    answers = [dict(_answers(run)) for run in (one, other)]
    out: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for question in answers[0].keys() & answers[1].keys():
        asked[question[0]] += 1
        out[question[0]] += answers[0][question] != answers[1][question]
    return {name: (out[name], asked[name]) for name in sorted(asked)}


def _answers(run: Run) -> Iterator[tuple[Any, Any]]:
    match = -1
    for line in run.lines():
        if isinstance(line, MatchLine):
            match = line.match
        elif isinstance(line, TurnLine):
            seen = tuple(sorted(line.observation_hash.items()))
            yield (line.operator, match, line.tick, line.seat, line.attempt, seen), (line.answer, line.raw)


def spent() -> float:
    """Processor seconds of the processes that have been started and are over, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def walk(command: Command, folder: Path, ways: list[str], at_once: int) -> int:
    """Play in every way and compare; the number of operators that are said to repeat and did not."""
    first = folder / "first"
    before = spent()
    subprocess.run(command("-c", at_once, "--out", first), check=True)
    print(f"{at_once} at a time: {spent() - before:.0f} s of processor time", flush=True)
    wrong = 0
    for way in ways:
        before, other = spent(), folder / way
        WAYS[way](command, other, first, at_once)
        same = contents(first) == contents(other)
        told = f"logs and tables {'are equal' if same else 'DIFFER'}"
        print(f"{at_once} at a time against {way}: {told} ({spent() - before:.0f} s)", flush=True)
        if same:
            continue
        said = {operator.name: operator.determinism for operator in Run(first).head.games[0].operators}
        for name, (differ, asked) in disagreements(Run(first), Run(other)).items():
            print(f"  {name}: {differ} of {asked} answers to the same question differ ({said[name]})")
            wrong += bool(differ) and said[name] == "deterministic"
    return wrong


def main() -> int:
    """Play and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", nargs="?", default=__file__)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--ways", default="sixteen,killed", help=f"of {', '.join(WAYS)}")
    parser.add_argument("-c", "--concurrency", type=int, default=1, help="matches at once in the first run")
    parser.add_argument("--keep", type=Path, help="new folder that keeps the runs")
    given = parser.parse_args()
    ways = given.ways.split(",")
    if unknown := [way for way in ways if way not in WAYS]:
        parser.error(f"--ways {unknown[0]}: expected some of {', '.join(WAYS)}")
    settings = [word for setting in given.settings for word in ("--set", setting)]

    def command(*more: object) -> list[str]:
        return [sys.executable, "-m", "arena", "evaluate", given.script, *settings, "--quiet", *map(str, more)]

    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return 1 if walk(command, folder, ways, given.concurrency) else 0


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "120")
    sys.exit(main())
