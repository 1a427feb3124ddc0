"""A table of workers with one mistake each: every one is named in words, the arena lives, and the run has its table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from arena.errors import WorkerError
from arena.log import EndLine
from arena.record.reader import Run
from tests.supervisor.kit import play
from tests.supervisor.misbehaving import GREETINGS, MISTAKES
from tests.toys import Turns, kind_of, plan_of

PROGRAM = Path(__file__).with_name("misbehaving.py")
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def _program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.supervisor.kit.PEERS", PROGRAM)
    monkeypatch.setattr("arena.supervisor.hub.GRACE", 0.3)


def run_of(folder: Path, name: str) -> Run:
    return play(plan_of(Turns, [kind_of(name, f"peer:{name}")], retries=0), folder / "run", concurrency=1)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_play_is_named_and_the_run_has_its_table(tmp_path: Path, name: str) -> None:
    run = run_of(tmp_path, name)
    lines = [json.loads(line) for line in (run.folder / "timing-000.jsonl").read_text().splitlines()]
    reasons = [line["reason"] for line in lines if line["type"] == "died"]
    assert reasons
    assert re.search(MISTAKES[name][1], reasons[0]), reasons[0]
    assert len([line for line in run.lines() if isinstance(line, EndLine)]) == 1
    assert [row.operator for row in run.tables()[0].rows] == [f"{name}0"]


@pytest.mark.parametrize("name", GREETINGS)
def test_a_mistake_in_a_hello_ends_the_run_in_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkerError, match=GREETINGS[name][1]):
        run_of(tmp_path, name)
