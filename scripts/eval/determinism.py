"""Does a run depend on how it is played? A script is played in several ways, and the runs must be equal.

    python scripts/eval/determinism.py [SCRIPT] [--set operators=...] [--ways again,sixteen,killed,ray]

SCRIPT is one for `arena evaluate`; without it, a small one that stands here. It is played one match at a time (or with
`-c`), and: `again` in the same way, `sixteen` matches at once, `killed` (sixteen at once, SIGKILL after half of the
matches, resumed), and on the two nodes of a `ray` cluster on this machine. Compared are the log, the tables and the
analysis. `ray` takes the cluster of RAY_ADDRESS instead, where that is set.

Where an operator is not the same at every concurrency (a server without batch-invariant kernels), the logs differ, and
what is printed is how often its answers to the same question do. Exit code 1 if one that is said to repeat did not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from arena.evaluation import Evaluation
from arena.log import MatchLine, TurnLine
from arena.record.reader import Run

EVALUATION = Evaluation(
    name="determinism",
    games=("kuhn@seats=2", "leduc@seats=2"),
    operators=("vlm", "scripted", "random", "random"),
    blocks=4,
    seed=7,
)
QUIET = subprocess.DEVNULL
Command = Callable[..., list[str]]  # of words after `arena evaluate SCRIPT`


def again(command: Command, out: Path, at_once: int) -> float:
    """In the same way a second time."""
    return play(command("-c", at_once, "--out", out))


def sixteen(command: Command, out: Path, at_once: int) -> float:
    """Sixteen matches at once."""
    return play(command("-c", 16, "--out", out))


def killed(command: Command, out: Path, at_once: int) -> float:
    """Sixteen at once, killed with SIGKILL when half of the matches are over, and resumed."""
    process = subprocess.Popen(command("-c", 16, "--out", out), stdout=QUIET)
    while process.poll() is None and not (logs(out) and over(out) * 2 >= planned(out)):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"killed: after {over(out)} of {planned(out)} matches", flush=True)
    return play(command("--resume", out))


def ray(command: Command, out: Path, at_once: int) -> float:
    """On the cluster of RAY_ADDRESS, else on two nodes of Ray's own cluster utility on this machine."""
    return play(command("--engine", "ray@cpus=1@ranges=2", "-c", 16, "--out", out))


@contextlib.contextmanager
def two_nodes() -> Iterator[None]:
    """A cluster at RAY_ADDRESS. In the main thread: Ray's nodes take signals for themselves."""
    if "RAY_ADDRESS" in os.environ:
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # a busy machine takes longer than Ray's 30 s
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        cluster.add_node(**node)
        os.environ["RAY_ADDRESS"] = cluster.address
        yield
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        cluster.shutdown()


WAYS = {way.__name__: way for way in (again, sixteen, killed, ray)}


def play(command: list[str], stdout: int | None = QUIET) -> float:
    """Play to the end; processor seconds of all its processes that ended. CalledProcessError if it fails."""
    process = subprocess.Popen(command, stdout=stdout)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime


def over(folder: Path) -> int:
    """How many matches are over."""
    return sum(path.read_bytes().count(b'"type":"end"') for path in logs(folder))


def planned(folder: Path) -> int:
    """How many matches are planned; 2 where their number follows from results: `killed` then waits for one."""
    return Run(folder).head.count or 2


def logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("log-*.jsonl"))


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


def walk(command: Command, folder: Path, ways: list[str], at_once: int, jobs: int = 1) -> int:
    """Play in every way, `jobs` side by side, and compare; how many operators are said to repeat and did not."""
    first = folder / "first"
    wrong = 0
    with ThreadPoolExecutor(jobs) as pool:
        calm = pool.submit(play, command("-c", at_once, "--out", first), None)
        others = {way: pool.submit(WAYS[way], command, folder / way, at_once) for way in ways}
        print(f"{at_once} at a time: {calm.result():.0f} s of processor time", flush=True)
        for way, other in others.items():
            seconds = other.result()
            same = contents(first) == contents(folder / way)
            told = f"logs and tables {'are equal' if same else 'DIFFER'}"
            print(f"{at_once} at a time against {way}: {told} ({seconds:.0f} s)", flush=True)
            wrong += 0 if same else told_apart(Run(first), Run(folder / way))
    return wrong


def told_apart(first: Run, other: Run) -> int:
    """Say how often each operator's answers differ; the number of those that are said to repeat."""
    said = {operator.name: operator.determinism for operator in first.head.games[0].operators}
    found = disagreements(first, other)
    for name, (differ, asked) in found.items():
        print(f"  {name}: {differ} of {asked} answers to the same question differ ({said[name]})")
    return sum(bool(differ) and said[name] == "deterministic" for name, (differ, _) in found.items())


def main() -> int:
    """Play and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", nargs="?", default=__file__)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--ways", default="killed", help=f"of {', '.join(WAYS)}")
    parser.add_argument("-c", "--concurrency", type=int, default=1, help="matches at once in the first run")
    parser.add_argument("--jobs", type=int, help="ways played side by side: 2 for the script here, 1 for yours")
    parser.add_argument("--keep", type=Path, help="new folder that keeps the runs")
    given = parser.parse_args()
    ways = given.ways.split(",")
    if unknown := [way for way in ways if way not in WAYS]:
        parser.error(f"--ways {unknown[0]}: expected some of {', '.join(WAYS)}")
    settings = [word for setting in given.settings for word in ("--set", setting)]

    def command(*more: object) -> list[str]:
        return [sys.executable, "-m", "arena", "evaluate", given.script, *settings, "--quiet", *map(str, more)]

    with tempfile.TemporaryDirectory() as temporary, two_nodes() if "ray" in ways else contextlib.nullcontext():
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        jobs = given.jobs or (2 if given.script == __file__ else 1)
        return 1 if walk(command, folder, ways, given.concurrency, jobs) else 0


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "120")
    sys.exit(main())
