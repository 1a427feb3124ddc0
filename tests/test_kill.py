"""kill -9 at random moments. Of a worker: the run completes with the log of an undisturbed one. Of the arena: nothing
that was played is lost.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from arena.lineup import build_plan
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, Request
from arena.plan import HERE, Plan
from arena.play import describe, run_plan
from arena.record import shards
from arena.record.reader import Run
from arena.record.verify import verify
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.supervisor.worker_pool import ProcessWorkers
from tests.supervisor.kit import LONGEST, ROOT, Witness, watched_hub
from tests.toys import with_game

RUNS, KILLS, MATCHES = 5, 10, 80
MOST = 2  # voids of one match: a third would rightly leave it unresolved


class Killer(Observer):
    """Kills a worker at chosen events of the run: some in the middle of a tick, some between two, some between matches.

    `when` are numbers of events. A kill waits until the worker that it hits is ready, and until every match that is
    not finished can bear it.
    """

    def __init__(self, seed: int, when: list[int], role: str = "operator") -> None:
        self.chance = random.Random(seed)
        self.role = role  # of the workers that it kills
        self.when = when
        self.workers: ProcessWorkers
        self.events = 0
        self.killed: list[int] = []
        self.noticed = 0
        self.suffered: Counter[int] = Counter()  # voids of each match that is not finished

    def happened(self) -> None:
        self.events += 1
        if not self.when or self.events < self.when[0]:
            return
        pending = len(self.killed) - self.noticed  # each may still void any match once
        ready = [c for c in self.workers.channels if c.role == self.role and c.ready and not c.process.exited]
        if not ready or max(self.suffered.values(), default=0) + pending >= MOST:
            return
        self.when.pop(0)
        victim = self.chance.choice(ready)
        os.kill(victim.process.pid, signal.SIGKILL)
        if self.chance.random() < 0.5:  # else the arena goes on talking to it for a while
            victim.process.wait(LONGEST)
        self.killed.append(victim.process.pid)

    def started(self, match: Match) -> None:
        self.happened()

    def asked(self, match: Match, request: Request) -> None:
        self.happened()

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        self.happened()

    def ticked(self, match: Match) -> None:
        self.happened()

    def ended(self, match: Match, outcome: object) -> None:
        self.suffered.pop(match.plan.index, None)
        self.happened()

    def worker_died(self, name: str, reason: str) -> None:
        self.noticed += 1

    def voided(self, match: Match, kind: str, reason: str) -> None:
        self.suffered[match.plan.index] += 1
        assert kind == "worker_died"
        assert reason.endswith("was killed by SIGKILL")


def play(plan: Plan, folder: Path, concurrency: int, killer: Killer | None = None) -> Run:
    recorder = Recorder(folder, describe(plan))
    with watched_hub(folder / "workers") as hub:
        workers = ProcessWorkers(hub, plan.entries, [g.runtime for g in plan.games if g.runtime])
        scheduler = Scheduler(plan, workers, concurrency=concurrency, recorder=recorder, observer=killer)
        if killer is not None:
            killer.workers = workers
        scheduler.run()
    recorder.close()
    run = Run(folder)
    recorder.results(run.tables())
    return run


def a_plan() -> Plan:
    return build_plan("leduc", ["random", "scripted"], seed=11, matches=MATCHES)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    run = play(a_plan(), tmp_path_factory.mktemp("calm") / "run", 8)
    return (run.folder / "log-000.jsonl").read_bytes()


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_run_whose_workers_are_killed_has_the_log_of_an_undisturbed_one(
    tmp_path: Path, calm: bytes, seed: int
) -> None:
    chance = random.Random(seed)
    killer = Killer(seed, sorted(chance.sample(range(1, 400), KILLS)))
    run = play(a_plan(), tmp_path / "run", chance.choice([1, 2, 4, 8]), killer)
    assert len(killer.killed) == KILLS
    assert (run.folder / "log-000.jsonl").read_bytes() == calm
    assert verify(run).passed
    told = [json.loads(line) for line in (run.folder / "timing-000.jsonl").read_text().splitlines()]
    assert {line["pid"] for line in told if line["type"] == "died"} >= set(killer.killed[:-1])
    assert all(line["reason"].endswith("was killed by SIGKILL") for line in told if line["type"] == "void")


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_run_whose_game_host_is_killed_has_the_log_of_an_undisturbed_one_without_a_host(
    tmp_path: Path, calm: bytes, seed: int
) -> None:
    chance = random.Random(seed)
    killer = Killer(seed, sorted(chance.sample(range(1, 400), KILLS)), "game")
    run = play(with_game(a_plan(), runtime=HERE), tmp_path / "run", chance.choice([1, 2, 4, 8]), killer)
    assert len(killer.killed) == KILLS
    assert (run.folder / "log-000.jsonl").read_bytes() == calm
    assert verify(run).passed


# --- the arena itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_killing_the_arena_loses_no_finished_match(tmp_path: Path, sockets: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "run"
    arena = subprocess.Popen(
        [sys.executable, "-m", "tests.test_kill", str(folder), str(chance.randrange(1, 60))],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(sockets)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert arena.stdin is not None
    assert arena.stdout is not None
    workers = [Witness(int(pid)) for pid in arena.stdout.readline().split()]
    arena.stdin.close()  # it may begin: its workers are watched before they can be gone
    ended = [int(line) for line in arena.stdout]
    assert arena.wait(LONGEST) == -signal.SIGKILL
    arena.stdout.close()
    assert [worker.ended() for worker in workers] == [True, True]

    run = Run(folder)
    logged = [lines[0].match for lines in run.matches()]  # type: ignore[union-attr]
    journaled = list(shards.journals(folder))
    assert logged == list(range(len(logged)))
    assert set(ended) <= set(logged) | set(journaled)
    assert journaled
    for match in journaled:
        assert b'"type":"match"' in shards.journal(folder, match).read_bytes().splitlines()[0]

    checked = subprocess.run(
        [str(Path(sys.executable).with_name("arena")), "verify", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0
    played = sum(1 for _ in run.played())
    assert f"stopped after {played} of 100: those {played} are right" in checked.stdout

    run_plan(long_plan(), tmp_path / "calm", concurrency=8)
    run_plan(long_plan(), folder, concurrency=4, resume=True)
    for name in ("log-000.jsonl", "results.json", "run.json"):
        assert (folder / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()
    assert not (folder / "open").exists()
    assert "Traceback" not in checked.stderr


class Suicide(Observer):
    """Prints each finished match, and kills its own process after some number of them, in the middle of a tick."""

    def __init__(self, after: int) -> None:
        self.after = after

    def ended(self, match: Match, outcome: object) -> None:
        print(match.plan.index, flush=True)
        self.after -= 1

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        if self.after <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def long_plan() -> Plan:
    return build_plan("leduc", ["random", "scripted"], seed=11, matches=100)


def main() -> None:
    plan = long_plan()
    folder = Path(sys.argv[1])
    recorder = Recorder(folder, describe(plan))
    with watched_hub(folder / "workers") as hub:
        workers = ProcessWorkers(hub, plan.pool)
        print(*[channel.process.pid for channel in workers.channels], flush=True)
        sys.stdin.read()
        Scheduler(plan, workers, concurrency=8, recorder=recorder, observer=Suicide(int(sys.argv[2]))).run()


if __name__ == "__main__":
    main()
