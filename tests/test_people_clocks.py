"""A person's clock is their worker's: the arena voids no match because a person has not seen a question yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from arena.protocol import messages as m
from tests.toys import GOOD, Turns, kind_of, plan_of
from tests.workers_kit import FakeWorkers, Play, sent

PERSON = kind_of("person", "tests.toys:build", interactive=True)


@pytest.mark.parametrize("budget", [None, 20.0])
def test_a_person_who_comes_late_voids_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: Any) -> None:
    def late(workers: FakeWorkers) -> list[Any]:
        workers.clock.now += 100_000
        return workers.pay()

    plan = plan_of(Turns, [PERSON, PERSON], deadline=5.0, human_timeout=budget)
    run = Play(monkeypatch, tmp_path / "run", plan, late)
    assert run.timing("void") == []
    assert {item.budget for act in sent(run.workers.channels[0], m.Act) for item in act.requests} == {budget}


def test_whoever_is_no_person_has_the_deadline_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(workers: FakeWorkers) -> list[Any]:
        return workers.channels[0].pay()

    plan = plan_of(Turns, [PERSON, GOOD], deadline=5.0, human_timeout=20.0)
    run = Play(monkeypatch, tmp_path / "run", plan, hangs)
    assert "deadline" in {line["fault"] for line in run.timing("void")}
