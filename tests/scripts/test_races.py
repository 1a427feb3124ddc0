"""What scripts/train/races.py says of its matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from scripts.train.races import scores, told


def test_scores_are_the_first_operators_and_their_mean_and_interval_those_of_the_results(tmp_path: Path) -> None:
    [table] = run_plan(build_plan("kuhn", ["random", "scripted"], seed=3, matches=20), tmp_path / "run", concurrency=4)
    found = told([scores(Run(tmp_path / "run"))])
    row = table.rows[0]
    assert (row.operator, table.blocks) == ("random", found["levels"])
    assert [found[name] for name in ("score", "low", "high")] == pytest.approx([row.score, row.low, row.high])


def test_the_mean_of_seeds_is_of_the_levels_that_all_have() -> None:
    found = told([{0: 1.0, 1: 0.0}, {0: 0.0, 1: 0.5, 2: 9.0}])
    assert (found["score"], found["levels"]) == (0.375, 2)
