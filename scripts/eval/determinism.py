"""Does a run depend on how it is played? One match at a time, sixteen at once, killed and resumed: logs must be equal.

    python scripts/eval/determinism.py [--set operators=...]

Where an operator is not the same at every concurrency (a server without batch-invariant kernels), the logs differ, and
what is printed is how often its answers to the same question do. Exit code 1 if one that is said to repeat did not.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
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


def command(given: list[str], out: Path, *more: str) -> list[str]:
    """`arena evaluate` of this script."""
    settings = [word for setting in given for word in ("--set", setting)]
    return [sys.executable, "-m", "arena", "evaluate", __file__, *settings, "--quiet", *more, str(out)]


def killed(given: list[str], out: Path) -> None:
    """Play, kill -9 the arena once some matches are over, and resume."""
    process = subprocess.Popen(command(given, out, "-c", "16", "--out"), stdout=subprocess.DEVNULL)
    log = out / "log-000.jsonl"
    while process.poll() is None and (not log.is_file() or log.stat().st_size < 4000):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command(given, out, "--resume"), check=True, stdout=subprocess.DEVNULL)


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


def main() -> int:
    """Play three times and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args().settings
    with tempfile.TemporaryDirectory() as folder:
        one, many, resumed = (Path(folder) / name for name in ("one", "sixteen", "killed"))
        subprocess.run(command(given, one, "-c", "1", "--out"), check=True)
        subprocess.run(command(given, many, "-c", "16", "--out"), check=True, stdout=subprocess.DEVNULL)
        killed(given, resumed)
        wrong = 0
        for what, other in (("sixteen at once", many), ("killed and resumed", resumed)):
            same = all(
                (one / name).read_bytes() == (other / name).read_bytes() for name in ("log-000.jsonl", "results.json")
            )
            print(f"one at a time against {what}: logs and tables {'are equal' if same else 'DIFFER'}")
            if same:
                continue
            said = {operator.name: operator.determinism for operator in Run(one).head.games[0].operators}
            for name, (differ, asked) in disagreements(Run(one), Run(other)).items():
                print(f"  {name}: {differ} of {asked} answers to the same question differ ({said[name]})")
                wrong += bool(differ) and said[name] == "deterministic"
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "120")
    sys.exit(main())
