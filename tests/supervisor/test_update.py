"""Other weights for a worker that goes on, with real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arena.errors import WorkerError
from arena.lineup import build_plan
from arena.observer import Observer
from arena.plan import Plan
from arena.scheduler import Scheduler
from arena.turns import Episode, TurnSink
from tests.operators.test_ppo_update import other
from tests.supervisor.kit import ROOT, WorkerPool, watched_hub
from tests.toys import GOOD, Turns, plan_of


class Kept(TurnSink):
    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def match_over(self, episode: Episode) -> None:
        self.episodes.append(episode)

    def of(self, operator: str) -> list[tuple[object, str | None]]:
        """(answer, version) of each turn of this operator."""
        turns = [turn for episode in self.episodes for turn in episode.turns if turn.operator == operator]
        return [(turn.decision.answer, turn.decision.weights_version) for turn in turns]


def play(plan: Plan, workers: WorkerPool, observer: Observer | None = None) -> list[tuple[object, str | None]]:
    sink = Kept()
    Scheduler(plan, workers, concurrency=4, sinks=[sink], observer=observer).run()
    return sink.of(plan.pool[0].name)


@pytest.fixture
def plan() -> Plan:
    return build_plan("leduc", ["ppo@deterministic=true", "scripted"], seed=3, matches=6)


@pytest.fixture
def workers(plan: Plan, tmp_path: Path) -> Iterator[WorkerPool]:
    with watched_hub(tmp_path / "workers") as hub:
        yield WorkerPool(hub, plan.pool)


def test_answers_and_versions_change_and_the_process_does_not(plan: Plan, workers: WorkerPool, tmp_path: Path) -> None:
    old = play(plan, workers)
    pid = workers.channel(plan.pool[0]).pid
    workers.update(plan.pool[0], "step-1", str(other(tmp_path)))
    new = play(plan, workers)
    assert workers.channel(plan.pool[0]).pid == pid
    assert {version for _, version in old} == {None}
    assert {version for _, version in new} == {"step-1"}
    assert [answer for answer, _ in new] != [answer for answer, _ in old]


def test_a_failed_update_is_told_and_leaves_the_old_weights(plan: Plan, workers: WorkerPool, tmp_path: Path) -> None:
    old = play(plan, workers)
    with pytest.raises(WorkerError, match=r"ppo.* keeps its weights: .*nowhere.safetensors is missing"):
        workers.update(plan.pool[0], "step-1", str(tmp_path / "nowhere.safetensors"))
    assert play(plan, workers) == old


def test_an_operator_that_cannot_change_its_weights_says_so(plan: Plan, workers: WorkerPool) -> None:
    with pytest.raises(WorkerError, match=r"scripted keeps its weights: .* cannot change its weights"):
        workers.update(plan.pool[1], "step-1", "anything")


def test_a_worker_that_is_started_again_has_the_weights_of_the_last_update(
    plan: Plan, workers: WorkerPool, tmp_path: Path
) -> None:
    class Killer(Observer):
        def ticked(self, match: object) -> None:
            pid, self.pid = self.pid, None
            if pid is not None:
                os.kill(pid, signal.SIGKILL)

    play(plan, workers)
    workers.update(plan.pool[0], "step-1", str(other(tmp_path)))
    expected = play(plan, workers)
    killer = Killer()
    before = killer.pid = workers.channel(plan.pool[0]).pid  # type: ignore[attr-defined]
    assert play(plan, workers, killer) == expected
    assert workers.channel(plan.pool[0]).pid != before


def test_a_worker_that_died_between_two_runs_is_replaced_by_its_next_update(
    plan: Plan, workers: WorkerPool, tmp_path: Path
) -> None:
    weights = str(other(tmp_path))
    play(plan, workers)
    workers.update(plan.pool[0], "step-1", weights)
    expected = play(plan, workers)
    before = workers.channel(plan.pool[0]).pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    workers.update(plan.pool[0], "step-1", weights)
    assert workers.channel(plan.pool[0]).pid != before
    assert not workers.loading
    assert play(plan, workers) == expected


def test_a_worker_that_dies_of_its_weights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    dying = replace(GOOD, name="dying", target="tests.toys_ops:dies_of_update")
    dies = plan_of(Turns, [dying]).pool
    with watched_hub(tmp_path / "workers") as hub:
        workers = WorkerPool(hub, dies)
        with pytest.raises(WorkerError, match="dying0 exited with code 5 before it had taken the weights"):
            workers.update(dies[0], "step-1", "anything")
