"""Evaluations between updates: one that hangs ends, as a rollout does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from arena.log import TurnLine
from arena.record.reader import Run
from arena.train.vlm import evaluations
from arena.train.vlm.config import load
from tests.train.vlm import kit

ROOT = Path(__file__).parents[3]
HANGS = """
import sys, time
from pathlib import Path
from arena.train.vlm import evaluations
from arena.train.vlm.config import load
from tests.train.vlm import kit

class Hanging(kit.Writer):
    def act(self, requests):
        time.sleep(1000)

kit.Writer = Hanging
out = Path(sys.argv[1])
(out / "weights").write_text("second")
settings = (f"rollout.operator={kit.__file__}", "rollout.deadline=0.2", "evaluation.every=1", "evaluation.matches=2")
of = evaluations.of_rollouts(load(None, None, settings, ("leduc@hands=2",)))
evaluations.play(of, out, 1, out / "weights")
"""


def test_a_stall_ends_the_evaluation_and_says_what_is_waited_for(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HANGS, tmp_path]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert child.returncode == 1
    assert f"{tmp_path}/evaluations/000001: nothing happened for 0.4 s: waits for " in child.stderr
    assert "kit.py#1 in match 0, tick 0, seat 0, and 1 more" in child.stderr
    assert "go on with --resume" in child.stderr


def score(tmp_path: Path, word: str, *settings: str) -> set[str]:
    """Evaluates weights that are this word; the words that the model wrote in the matches that are there then."""
    (tmp_path / "weights").write_text(word)
    changes = (f"rollout.operator={kit.__file__}", "evaluation.every=1", "evaluation.matches=2", *settings)
    of = evaluations.of_rollouts(load(None, None, changes, ("leduc@hands=1",)))
    evaluations.play(of, tmp_path, 1, tmp_path / "weights")
    run = Run(tmp_path / "evaluations" / "000001")
    every = (line for lines in run.played() for line in lines)
    turns = [line for line in every if isinstance(line, TurnLine) and line.operator.endswith("#1")]
    return {(line.raw or "").partition("\n")[0] for line in turns}


def test_an_evaluation_is_of_the_weights_that_it_is_asked_for(tmp_path: Path) -> None:
    assert score(tmp_path, "old") == {"old"}
    assert score(tmp_path, "new") == {"new"}


def test_an_evaluation_with_the_same_weights_is_not_played_again(tmp_path: Path) -> None:
    score(tmp_path, "old")
    log = tmp_path / "evaluations" / "000001" / "log-000.jsonl"
    before = log.stat().st_mtime_ns
    score(tmp_path, "old")
    assert log.stat().st_mtime_ns == before


def test_operators_sit_in_processes_where_those_of_rollouts_do(tmp_path: Path) -> None:
    assert score(tmp_path, "new", "rollout.processes=true") == {"new"}
    assert list((tmp_path / "evaluations" / "000001" / "workers").iterdir())


def test_other_settings_of_an_evaluation_play_it_anew(tmp_path: Path) -> None:
    score(tmp_path, "old")
    assert score(tmp_path, "old", "evaluation.seed=7", "evaluation.matches=4") == {"old"}
    assert Run(tmp_path / "evaluations" / "000001").logged == 4
