"""The number of threads that a worker computes with is pinned, and stands in run.json."""

from __future__ import annotations

import json
import os

import pytest

from arena.lineup import build_plan
from arena.log import TurnLine
from arena.operator import OperatorKind, worker_threads
from arena.options import Option
from arena.play import run_plan
from arena.record.reader import Run
from arena.supervisor.sockets import THREADS

PLAYER = """
import os
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind
from arena.options import Option

class Teller(Operator):
    def act(self, requests):
        told = " ".join(os.environ.get(name, "none") for name in {names})
        return [Decision(answer=one.observation.legal[0], thought=told) for one in requests]

def build(context):
    return Teller()

KIND = OperatorKind(
    name="teller", summary="says its threads", target="teller:build", views=lambda spec, what, options: Views(),
    options={{"threads": Option("int", None, "threads", low=1)}},
)
"""


@pytest.fixture
def teller(tmp_path, monkeypatch):
    for name in THREADS:
        monkeypatch.setenv(name, "7")  # what the user's shell says decides nothing
    file = tmp_path / "teller.py"
    file.write_text(PLAYER.format(names=THREADS).replace('"teller:build"', f'"{file}:build"'))
    return file


def test_a_worker_computes_with_as_many_threads_as_are_recorded(teller, tmp_path):
    plan = build_plan("kuhn", [str(teller), f"{teller}@threads=3"], matches=2)
    run_plan(plan, tmp_path / "run")
    told = {line.operator: line.thought for line in Run(tmp_path / "run").lines() if isinstance(line, TurnLine)}
    head = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [one["threads"] for one in head["games"][0]["operators"]] == [1, 3]
    assert {name: set(words.split()) for name, words in told.items()} == {
        str(teller): {"1"},
        f"{teller}@threads=3": {"3"},
    }
    assert head["plan"]["limits"]["retries"] == 2
    assert os.environ["OMP_NUM_THREADS"] == "7"


def kind(**fields):
    return OperatorKind(name="x", summary="x", target="x:y", views=lambda *_: None, **fields)


def test_a_foreign_program_is_left_alone():
    assert worker_threads(kind(command=lambda what, options: ["program"]), {}) is None
    assert worker_threads(kind(threads=None), {}) is None
    assert worker_threads(kind(threads=2), {}) == 2
    assert worker_threads(kind(options={"threads": Option("int", None, "x")}), {"threads": 5}) == 5
