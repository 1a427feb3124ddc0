"""No way of failing raises a score: operators in processes that fail whenever they hold the worst card."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from arena.errors import WorkerError
from arena.game import Views
from arena.local_workers import LocalWorkers
from arena.log import EndLine, MatchLine, TurnLine
from arena.operator import BackendError, Decision, Operator, Request, WorkerContext
from arena.plan import Plan
from arena.play import describe, run_plan
from arena.plugins import game_class
from arena.record.reader import Run
from arena.record.verify import verify
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from tests.failing_operators import holds_jack
from tests.supervisor.kit import ROOT
from tests.toys import kind_of, matches_of, plan_of

TEXT = Views(text=True)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def a_plan(deed: str, matches: int, **limits: Any) -> Plan:
    kinds = [kind_of(name, f"tests.failing_operators:{name}") for name in (deed, "honest")]
    return plan_of(game_class("kuhn"), kinds, matches=matches, views=TEXT, **limits)


def faults(run: Run) -> Counter[str | None]:
    return Counter(line.fault for line in run.lines() if isinstance(line, TurnLine) and line.fault)


def charged(run: Run) -> set[int]:
    """The matches with a fault."""
    found, match = set(), -1
    for line in run.lines():
        if isinstance(line, MatchLine):
            match = line.match
        elif isinstance(line, TurnLine) and line.fault:
            found.add(match)
    return found


def jacks(plan: Plan) -> set[int]:
    """The matches in which the first operator holds a jack."""
    game, out = plan.games[0].make(), set()
    for match in matches_of(plan):
        game.reset(match.seed)
        facts = game.observe(match.lineup.index(0), TEXT).facts
        assert facts is not None
        if facts["hand"] == "J":
            out.add(match.index)
    return out


@pytest.mark.parametrize(
    ("deed", "fault", "matches", "concurrency"),
    [
        ("backend", "backend", 300, 1),
        ("backend", "backend", 300, 16),
        ("exits", "crashed", 8, 8),
        ("killed", "crashed", 6, 3),
        ("hangs", "timeout", 6, 6),
        ("waits", "timeout", 8, 4),
    ],
)
def test_failing_at_the_worst_card_costs_the_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str, fault: str, matches: int, concurrency: int
) -> None:
    monkeypatch.setattr("arena.scheduler.GRACE", 0.2)
    deadline = 1.0 if deed in ("hangs", "waits") else 60.0
    plan = a_plan(deed, matches, deadline=deadline)
    [table] = run_plan(plan, tmp_path / "run", concurrency=concurrency)
    run = Run(tmp_path / "run")
    failing = table.rows[0]
    assert failing.unresolved == 0
    assert charged(run) == jacks(plan)
    assert set(failing.faults) == {fault}
    assert not table.rows[1].faults
    honest = run_plan(a_plan("honest", matches), tmp_path / "honest")[0].rows[0]
    assert (failing.score, honest.matches) == (honest.score, matches)  # a fault costs a pass, which is all it had
    assert verify(run).passed


def test_the_fault_names_its_cause_in_the_log(tmp_path: Path) -> None:
    run_plan(a_plan("exits", 6), tmp_path / "run")
    said = {line.detail for line in Run(tmp_path / "run").lines() if isinstance(line, TurnLine) and line.fault}
    assert said == {"exits0 exited with code 5"}


@pytest.mark.parametrize("deed", ["backend", "exits"])
def test_the_log_does_not_depend_on_the_concurrency(tmp_path: Path, deed: str) -> None:
    logs = set()
    for concurrency in (1, 8):
        run_plan(a_plan(deed, 8), tmp_path / str(concurrency), concurrency=concurrency)
        logs.add((tmp_path / str(concurrency) / "log-000.jsonl").read_bytes())
    assert len(logs) == 1


# --- in this process ------------------------------------------------------------------------------------------------


class Flaky(Operator):
    """Its server goes down for good, or it fails at every jack."""

    asked = 0

    def __init__(self, what: str) -> None:
        self.what = what

    def act(self, requests: list[Request]) -> list[Decision]:  # type: ignore[override]
        Flaky.asked += len(requests)
        if "down" in self.what and Flaky.asked > 40:
            raise BackendError("the server is down")
        if "jack" in self.what and any(map(holds_jack, requests)):
            raise BackendError("the server does not like this card")
        return [Decision(answer=1)] * len(requests)


def down(context: WorkerContext) -> Operator:
    return Flaky("down")


def jack(context: WorkerContext) -> Operator:
    return Flaky("jack")


def local(folder: Path, name: str, matches: int, concurrency: int, in_flight: int = 0) -> Run:
    Flaky.asked = 0
    kinds = [
        kind_of(name, f"tests.test_attribution:{name}", max_in_flight=in_flight),
        kind_of("honest", "tests.failing_operators:honest"),
    ]
    plan = plan_of(game_class("kuhn"), kinds, matches=matches, views=TEXT)
    recorder = Recorder(folder, describe(plan))
    Scheduler(plan, LocalWorkers(plan.entries), concurrency=concurrency, recorder=recorder, dry_turn=True).run()
    recorder.close()
    return Run(folder)


def test_a_server_that_is_down_for_all_costs_nobody(tmp_path: Path) -> None:
    run = local(tmp_path / "run", "down", 60, 4)
    ends = [line for line in run.lines() if isinstance(line, EndLine)]
    assert {end.status for end in ends[-10:]} == {"unresolved"}
    assert ends[-1].reason == "every try failed, the last with backend: down0: the server is down"
    assert not faults(run)
    assert verify(run).problems == []


@pytest.mark.parametrize(("concurrency", "in_flight"), [(1, 0), (16, 0), (64, 0), (64, 1), (64, 3)])
def test_in_this_process_too_it_is_charged_at_any_concurrency(tmp_path: Path, concurrency: int, in_flight: int) -> None:
    run = local(tmp_path / "run", "jack", 64, concurrency, in_flight)
    assert set(faults(run)) == {"backend"}
    assert not [line for line in run.lines() if isinstance(line, EndLine) and line.status == "unresolved"]
    alone = local(tmp_path / "alone", "jack", 64, 1)
    assert list(run.lines()) == list(alone.lines())


# --- an operator that is good for nothing -----------------------------------------------------------------------------


def test_an_operator_that_cannot_play_the_game_is_said_before_the_first_match(tmp_path: Path) -> None:
    kinds = [kind_of("blind", "tests.failing_operators:backend"), kind_of("good", "tests.toys:build")]
    plan = plan_of(game_class("kuhn"), kinds, matches=50)  # without the text that it reads
    with pytest.raises(WorkerError, match="operator blind0 cannot play kuhn: crashed: AssertionError") as error:
        run_plan(plan, tmp_path / "run")
    assert "Its log: " in str(error.value)
    assert not (tmp_path / "run" / "log-000.jsonl").exists()
