"""Runs that are killed at random moments and resumed end as if nothing had happened.

    python scripts/kill_and_resume.py [--runs 200] [--seed 0] [--keep FOLDER]

Each run is the real command line in a process of its own. Something is killed with SIGKILL at a moment that the seed
draws:

worker   an operator's worker, once or twice; the run goes on by itself
host     a game host; the same
arena    the arena, at any moment; then `arena play --resume`, which may be killed as well
append   the arena, after a drawn number of bytes written into the run folder: in the middle of a line, between an
         append and its sync, between two files; then `arena play --resume`

At the end the log and the results equal those of the undisturbed run byte for byte, `arena verify` passes, and no
process is left. Exit code 1 if one run does not; its folder is kept then.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from arena.cli.main import main as arena_main
from arena.record.disk import Disk

GAMES = ("leduc", "leduc@runtime=here")  # hosted or not, the log is the same
MATCHES = 300
OPERATORS = "random,scripted"
PATIENCE = 120.0  # seconds in which a run that is left alone ends
WAYS = ("worker", "host", "arena", "append")


@dataclass(frozen=True)
class Calm:
    """The undisturbed run."""

    files: dict[str, bytes]
    seconds: float
    written: int  # bytes of the folder's records: about what `append` may count to


class DifferenceError(Exception):
    """A run did not end as the undisturbed one."""


def command(*arguments: str, dies_after: int | None = None) -> list[str]:
    """The `arena` command line; with `dies_after`, it kills itself after so many bytes written into the run folder."""
    start = [sys.executable, str(Path(__file__).resolve())]
    return [*start, "--dies-after", str(dies_after if dies_after is not None else -1), "--", *arguments]


def begin(folder: Path, game: str, concurrency: int, dies_after: int | None = None) -> subprocess.Popen[bytes]:
    """Start the run that is looked at."""
    what = f"play --game {game} --operators {OPERATORS} --matches {MATCHES} --seed 11 --quiet --out {folder}"
    return start(command(*what.split(), "--concurrency", str(concurrency), dies_after=dies_after))


def resume(folder: Path, dies_after: int | None = None) -> subprocess.Popen[bytes]:
    """Go on with a run that was killed."""
    return start(command("play", "--resume", str(folder), "--quiet", dies_after=dies_after))


def start(line: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(arena: subprocess.Popen[bytes]) -> None:
    """Wait for a run that is left alone; DifferenceError when it fails."""
    try:
        out, _ = arena.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        arena.kill()
        raise DifferenceError(f"it did not end within {PATIENCE:g} s") from None
    if arena.returncode:
        raise DifferenceError(f"it ended with exit code {arena.returncode}: {out.decode(errors='replace')[-2000:]}")


def records(folder: Path) -> dict[str, bytes]:
    """What equal runs have equal."""
    paths = [*sorted(folder.glob("log-*.jsonl")), folder / "results.json", folder / "run.json"]
    return {path.name: path.read_bytes() for path in paths if path.exists()}


def workers(arena: subprocess.Popen[bytes], role: str) -> list[psutil.Process]:
    """The worker processes of a run, by what they host."""
    found = []
    try:
        for child in psutil.Process(arena.pid).children(recursive=True):
            is_host = any("game_host" in word for word in child.cmdline())
            if is_host == (role == "host") and any("workers" in word for word in child.cmdline()):
                found.append(child)
    except psutil.NoSuchProcess:
        pass
    return found


def kill_workers(arena: subprocess.Popen[bytes], role: str, chance: random.Random, seconds: float) -> int:
    """Kill workers of a run while it is on, at drawn moments; how many were hit."""
    moments = sorted(chance.uniform(0.0, seconds) for _ in range(chance.randint(1, 2)))
    began, hit = time.monotonic(), 0
    for moment in moments:
        if not wait(arena, began + moment - time.monotonic()):
            break
        if victims := workers(arena, role):
            victim = chance.choice(victims)
            try:
                victim.kill()
                hit += 1
            except psutil.NoSuchProcess:
                pass
    return hit


def wait(arena: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the run is still on after so many seconds."""
    try:
        arena.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return True
    return False


def stopped(arena: subprocess.Popen[bytes], at: float | None) -> bool:
    """Whether the run was killed: by us after `at` seconds, or by itself (None)."""
    if at is not None:
        wait(arena, at)
        arena.kill()
        arena.communicate()
    else:
        arena.communicate(timeout=PATIENCE)
    return arena.returncode == -signal.SIGKILL


def disturb(way: str, folder: Path, chance: random.Random, calm: Calm) -> int:
    """Play a run that is disturbed in this way, until it is complete; how many kills hit."""
    game, concurrency = chance.choice(GAMES), chance.choice((1, 4, 16, 64))
    if way in ("worker", "host"):
        arena = begin(folder, GAMES[1] if way == "host" else game, concurrency)
        hit = kill_workers(arena, way, chance, calm.seconds)
        finish(arena)
        return hit
    hit = 0
    for _ in range(chance.randint(1, 3)):
        after = chance.randrange(calm.written) if way == "append" else None
        at = chance.uniform(0.0, calm.seconds) if way == "arena" else None
        # Before run.json is whole there is no run, and nothing to go on with.
        is_run = (folder / "run.json").exists()
        if not is_run:
            shutil.rmtree(folder, ignore_errors=True)
        arena = resume(folder, after) if is_run else begin(folder, game, concurrency, after)
        if not stopped(arena, at):
            break
        hit += 1
    finish(resume(folder) if (folder / "run.json").exists() else begin(folder, game, concurrency))
    return hit


def chance(*what: object) -> random.Random:
    """The draws of one run."""
    return random.Random(" ".join(map(str, what)))


def orphans(folder: Path) -> list[int]:
    """Processes that still have to do with the run: their log file is in its folder, or they name it."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            out = os.readlink(f"/proc/{process.pid}/fd/1")
            if out.startswith(f"{folder}/") or str(folder) in process.cmdline():
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def check(folder: Path, calm: Calm) -> None:
    """DifferenceError unless the run is as the undisturbed one and nothing is left of it."""
    made = records(folder)
    for name in sorted(made.keys() | calm.files.keys()):
        # run.json says where the game was hosted, and nothing else of the two ways differs.
        if name != "run.json" and made.get(name) != calm.files.get(name):
            raise DifferenceError(f"{name} differs")
    left = sorted(path.name for path in folder.glob("open/*"))
    if left:
        raise DifferenceError(f"open/ has {left[:3]}")
    # A worker whose arena was killed notices by its standard input, and leaves.
    patience = time.monotonic() + 10
    while (found := orphans(folder)) and time.monotonic() < patience:
        time.sleep(0.1)
    if found:
        raise DifferenceError(f"processes are left: {found}")
    finish(start(command("verify", str(folder))))


def undisturbed(folder: Path) -> Calm:
    began = time.monotonic()
    finish(begin(folder, GAMES[0], 16))
    seconds = time.monotonic() - began
    written = sum(path.stat().st_size for path in folder.glob("*.json*"))
    return Calm(records(folder), seconds, 2 * written)  # every line is written into a journal, then into the log


def die_after(room: int) -> None:
    """This process kills itself after so many bytes written; a file that is synced, moved or removed counts as one."""
    left = room

    def count(size: int) -> int:
        nonlocal left
        left -= size
        return left

    write, sync, unlink, rename = Disk.write, Disk.sync, Disk.unlink, Disk.rename

    def dying_write(self: Disk, fd: int, data: bytes) -> None:
        if count(len(data)) < 0:
            write(self, fd, data[: len(data) + left])
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, fd, data)

    def dying(method):  # type: ignore[no-untyped-def]
        def wrapped(self: Disk, *arguments: object) -> None:
            if count(1) < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            method(self, *arguments)

        return wrapped

    Disk.write = dying_write  # type: ignore[method-assign]
    Disk.sync, Disk.unlink, Disk.rename = dying(sync), dying(unlink), dying(rename)  # type: ignore[method-assign]


def main(runs: int, seed: int, base: Path) -> int:
    """Disturb `runs` runs in folders below `base`; 1 if one of them ended differently."""
    calm = undisturbed(base / "calm")
    print(f"undisturbed: {MATCHES} matches in {calm.seconds:.1f} s", flush=True)
    hits: Counter[str] = Counter()
    bad = 0
    for i in range(runs):
        way = WAYS[i % len(WAYS)]
        folder = base / f"run-{i:03d}-{way}"
        try:
            hits[way] += disturb(way, folder, chance(seed, i), calm)
            check(folder, calm)
        except DifferenceError as error:
            bad += 1
            print(f"{folder}: {error}", flush=True)
        else:
            shutil.rmtree(folder)
    told = ", ".join(f"{hits[way]} {way}" for way in WAYS)
    print(f"{runs} runs, kills: {told}. {runs - bad} ended as the undisturbed run, {bad} did not")
    return 1 if bad else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where the folders stand; default: a temporary folder")
    parser.add_argument("--dies-after", type=int, help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.dies_after is not None:
        if asked.dies_after >= 0:
            die_after(asked.dies_after)
        sys.argv = ["arena", *asked.rest]
        sys.exit(arena_main())
    where = asked.keep or Path(tempfile.mkdtemp(prefix="kill-and-resume-"))
    where.mkdir(parents=True, exist_ok=True)
    code = main(asked.runs, asked.seed, where.resolve())
    if not code and asked.keep is None:
        shutil.rmtree(where)
    sys.exit(code)
