"""A model server is kept full: 64 of many questions are always under way, and never one more."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path

import pytest

from arena import concurrency
from arena.concurrency import usual_concurrency
from arena.local_workers import LocalWorkers
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision
from arena.plan import Plan
from arena.play import describe
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.supervisor.worker_pool import ProcessWorkers
from tests.served_op import ModelServer
from tests.supervisor.kit import ROOT, watched_hub
from tests.toys import GOOD, Turns, kind_of, plan_of, with_game

SIZE, MATCHES = 64, 200


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def served(server: ModelServer, *, rounds: int = 1, most: int = SIZE, matches: int = MATCHES) -> Plan:
    """Games of one seat, which is asked `rounds` times."""
    kind = kind_of("served", "tests.served_op:build", max_in_flight=most)
    plan = plan_of(Turns, [kind], matches=matches, options={"rounds": rounds})
    return with_game(plan, operators=(dataclasses.replace(plan.pool[0], what=str(server.port)),))


class Killer(Observer):
    """Kills the worker once, when so many questions are answered."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.pid: int | None = None

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        self.left -= 1
        if self.left == 0 and self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)


def play(plan: Plan, folder: Path, concurrency: int, killer: Killer | None = None) -> bytes:
    """Play it with a worker; the log."""
    recorder = Recorder(folder, describe(plan))
    with watched_hub(folder / "workers") as hub:
        workers = ProcessWorkers(hub, plan.pool)
        if killer is not None:
            killer.pid = workers.channels[0].pid
        Scheduler(plan, workers, concurrency=concurrency, recorder=recorder, observer=killer).run()
    recorder.close()
    return (folder / "log-000.jsonl").read_bytes()


def told(folder: Path, kind: str) -> list[str]:
    """The reasons in the timing file of what is of this kind."""
    lines = map(json.loads, (folder / "timing-000.jsonl").read_text().splitlines())
    return [line["reason"] for line in lines if line["type"] == kind]


def test_it_is_kept_full_and_never_given_one_more(tmp_path: Path) -> None:
    """It answers only while it is full, so with one question less under way nothing would be answered any more."""
    with ModelServer(full=SIZE, total=MATCHES) as server:
        play(served(server), tmp_path / "run", concurrency=MATCHES)
    assert (server.most, server.answered) == (SIZE, MATCHES)
    assert told(tmp_path / "run", "void") == []


def test_as_many_matches_as_keep_it_full_are_played_where_nobody_says_how_many(tmp_path: Path) -> None:
    """It answers only while it is full, so with one match less nothing would be answered."""
    with ModelServer(full=SIZE, total=MATCHES) as server:
        plan = served(server)
        play(plan, tmp_path / "run", concurrency=usual_concurrency(plan))
    assert (server.most, server.answered) == (SIZE, MATCHES)


def test_two_servers_are_both_kept_full_and_without_any_it_is_16() -> None:
    kinds = [kind_of(name, "tests.served_op:build", max_in_flight=SIZE) for name in ("one", "two")]
    assert usual_concurrency(plan_of(Turns, kinds)) == 2 * SIZE
    same = with_game(plan := plan_of(Turns, kinds), operators=(plan.pool[0],) * 2)
    assert usual_concurrency(same) == SIZE
    assert usual_concurrency(plan_of(Turns, [GOOD, GOOD])) == 16


def test_matches_get_what_workers_leave_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    mib = 2**20
    monkeypatch.setattr(concurrency, "_free", lambda: 1000 * mib)
    found = []
    for memory in (100 * mib, 300 * mib, 2000 * mib):  # the last leaves nothing
        kinds = [kind_of(name, "x:y", max_in_flight=999, memory=memory) for name in ("one", "two")]
        found.append(usual_concurrency(plan_of(Turns, kinds)))
    left = [(1000 * mib - concurrency.ARENA - 2 * memory * mib) // 2 // concurrency.MATCH for memory in (100, 300)]
    assert found == [*left, concurrency.USUAL]


@pytest.mark.parametrize(
    "plan",
    [
        plan_of(Turns, [kind_of("served", "x:y", max_in_flight=SIZE), dataclasses.replace(GOOD, interactive=True)]),
        plan_of(Turns, [kind_of("served", "x:y", max_in_flight=SIZE)], pace="realtime"),
    ],
    ids=["person", "realtime"],
)
def test_where_a_person_or_a_clock_is_it_is_one_match(plan: Plan) -> None:
    assert usual_concurrency(plan) == 1


def test_from_this_process_too() -> None:
    with ModelServer(full=SIZE, total=MATCHES) as server, LocalWorkers(served(server).pool) as workers:
        Scheduler(served(server), workers, concurrency=MATCHES).run()
    assert (server.most, server.answered) == (SIZE, MATCHES)


def test_the_log_is_that_of_one_question_at_a_time_also_after_a_kill(tmp_path: Path) -> None:
    with ModelServer() as server:
        calm = play(served(server, rounds=3, most=1, matches=80), tmp_path / "calm", concurrency=1)
        killer = Killer(after=100)
        disturbed = play(served(server, rounds=3, matches=80), tmp_path / "disturbed", concurrency=80, killer=killer)
    assert told(tmp_path / "disturbed", "died") == ["was killed by SIGKILL"]
    assert disturbed == calm
