"""Mutation testing of the core: is every line's meaning held by a test?

mutmut changes one thing at a time (a comparison, a number, a call's argument) and runs the quick tests of that file. A
change that no test notices survives: either the tests do not see what it broke, or it broke nothing. Not part of CI: a
target takes minutes to an hour.

    pip install -c constraints.txt -e '.[mutation]'
    python scripts/mutate.py table                  one target; without any, all of them
    python scripts/mutate.py match --processes 2
    python scripts/mutate.py match --show           what survived, as diffs
    python scripts/mutate.py scheduler --fresh --only '*7'      those whose number ends in 7: a tenth, as a sample

It works in a copy of the files that git knows, work/mutate/TARGET, and goes on there where it was stopped.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from arena.commands import install

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "work" / "mutate"
PACKAGES = ("arena", "arena_games", "arena_operators", "arena_workers")
COPIED = (*PACKAGES, "scripts", "docs", "tests", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Target:
    """Files to change (patterns), and the quick tests that must notice."""

    files: tuple[str, ...]
    tests: tuple[str, ...]
    without: str = "nothing_slow"  # a word in the names of tests that take too long to be run for each mutant


TARGETS = {
    "match": Target(("arena/match.py",), ("tests/test_match.py", "tests/test_one_lockstep.py", "tests/test_pace.py")),
    "scheduler": Target(
        (
            "arena/scheduler.py",
            "arena/playing.py",
            "arena/live_match.py",
            "arena/questions.py",
            "arena/failing.py",
            "arena/worker_records.py",
            "arena/timers.py",
            "arena/dry.py",
        ),
        (
            "tests/test_scheduler.py",
            "tests/test_in_flight.py",
            "tests/test_scheduler_told.py",
            "tests/test_scheduler_voids.py",
            "tests/test_hosted.py",
            "tests/test_pace.py",
        ),
    ),
    "retry": Target(
        ("arena/retry.py", "arena/upcoming.py"),
        ("tests/test_retry.py", "tests/test_upcoming.py", "tests/test_scheduler_voids.py"),
    ),
    "table": Target(("arena/evaluate/table.py", "arena/evaluate/intervals.py"), ("tests/evaluate",)),
    "record": Target(
        ("arena/record/writer.py", "arena/record/reader.py", "arena/record/shards.py", "arena/log.py"),
        ("tests/record/test_writer.py", "tests/record/test_disk.py", "tests/record/test_shards.py"),
        "every_byte",
    ),
}
# What a mutant's tests did (mutmut's exit codes): a time-out or a crash is noticed as well.
KILLED = ("killed", "timeout", "suspicious", "segfault")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of: {', '.join(TARGETS)}; default: all")
    parser.add_argument("--processes", type=int, default=1, help="mutants tested at once (default: 1)")
    parser.add_argument("--show", action="store_true", help="show what survived the last run, and run nothing")
    parser.add_argument("--fresh", action="store_true", help="copy the files anew and forget what was tested")
    parser.add_argument("--only", default="*", help="pattern of the mutants' names (default: all)")
    given = parser.parse_args()
    if unknown := [name for name in given.targets if name not in TARGETS]:
        parser.error(f"no target is called {unknown[0]!r}; there is: {', '.join(TARGETS)}")
    if importlib.util.find_spec("mutmut") is None:
        sys.exit(f"mutmut is not installed here. Install it with: {install('mutation')}")
    for name in given.targets or TARGETS:
        if given.show:
            show(WORK / name)
        else:
            copy(name, given.fresh)
            mutmut(WORK / name, "run", "--max-children", str(given.processes), given.only)
            report(name)


def copy(name: str, fresh: bool) -> None:
    """The files that git knows, as they are now, with mutmut's settings. Results of a run before stay, unless fresh."""
    folder, target = WORK / name, TARGETS[name]
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z", *COPIED], cwd=ROOT, capture_output=True, text=True, check=True)
    for file in filter(None, listed.stdout.split("\0")):
        if (ROOT / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder / file)
    files = [str(file.relative_to(ROOT)) for pattern in target.files for file in ROOT.glob(pattern)]
    settings = {
        "source_paths": ["arena"],
        "only_mutate": files,
        "also_copy": [one for one in COPIED if one not in ("arena", "tests")],
        "pytest_add_cli_args": [
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-m",
            "not slow and not browser",
            "-k",
            f"not {target.without}",
        ],
        "pytest_add_cli_args_test_selection": list(target.tests),
    }
    lines = [f"{key} =\n" + "".join(f"    {value}\n" for value in values) for key, values in settings.items()]
    (folder / "setup.cfg").write_text(
        "[mutmut]\n" + "".join(lines) + "use_git_change_detection = false\n", encoding="utf-8"
    )


def mutmut(folder: Path, *words: str) -> str:
    """Run it in the copy; what it prints is shown while it runs, or returned for `results`."""
    quiet = words[0] != "run"
    command = [sys.executable, "-m", "mutmut", *words]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE if quiet else None)
    except FileNotFoundError:
        sys.exit(f"{folder} is not there: run the target first")
    if done.returncode != 0:
        sys.exit(f"mutmut ended with code {done.returncode}: see above")
    return done.stdout or ""


def report(name: str) -> None:
    """The share that was killed, on one line."""
    mutmut(WORK / name, "export-cicd-stats")
    counts = json.loads((WORK / name / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    killed = sum(counts.get(kind, 0) for kind in KILLED)
    tested = killed + counts["survived"] + counts["no_tests"]
    print(f"{name}: {killed} of {tested} killed ({killed / max(tested, 1):.0%}); {counts['survived']} survived, "
          f"{counts['no_tests']} touched by no test")  # fmt: skip


def show(folder: Path) -> None:
    """The diff of every mutant that no test noticed."""
    for line in mutmut(folder, "results").splitlines():
        mutant, _, state = line.strip().partition(": ")
        if state in ("survived", "no tests"):
            print(f"# {state}\n{mutmut(folder, 'show', mutant)}")


if __name__ == "__main__":
    main()
