"""Evaluations between updates: one that hangs ends, as a rollout does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
