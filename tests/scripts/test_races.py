"""What scripts/train/races.py says of its matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.analysis.outcomes import read_outcomes
from arena.analysis.summary import analyse
from arena.lineup import build_plan, resolve
from arena.plan import PlanSpec
from arena.play import run_plan
from arena.record.reader import Run
from scripts.train.races import less, scores, told


def test_scores_are_the_first_operators_and_their_mean_and_interval_those_of_the_results(tmp_path: Path) -> None:
    [table] = run_plan(build_plan("kuhn", ["random", "scripted"], seed=3, matches=20), tmp_path / "run", concurrency=4)
    found = told([scores(Run(tmp_path / "run"), 0, 1)])
    row = table.rows[0]
    assert (row.operator, table.blocks) == ("random", found["levels"])
    assert [found[name] for name in ("score", "low", "high")] == pytest.approx([row.score, row.low, row.high])


def test_the_mean_of_seeds_is_of_the_levels_that_all_have() -> None:
    found = told([{0: 1.0, 1: 0.0}, {0: 0.0, 1: 0.5, 2: 9.0}])
    assert (found["score"], found["levels"]) == (0.375, 2)


def test_of_three_each_pair_has_its_own_score_and_what_one_wins_the_other_loses(tmp_path: Path) -> None:
    operators = ("random", "scripted", "ppo")
    spec = PlanSpec(games=("leduc@seats=2",), operators=operators, schedule="round_robin", seed=3, matches=60)
    run_plan(resolve(spec), tmp_path / "run", concurrency=4)
    run, payoffs = Run(tmp_path / "run"), analyse(read_outcomes(Run(tmp_path / "run"))).games[0].payoffs
    for one, other in ((0, 1), (0, 2), (1, 2)):
        found = told([scores(run, one, other)])
        assert found["score"] == pytest.approx(payoffs[one][other])
        assert found["score"] == pytest.approx(-told([scores(run, other, one)])["score"])
        assert found["levels"] < 60


def test_what_is_more_than_the_start_is_taken_level_by_level() -> None:
    assert less({0: 1.0, 1: 0.5, 2: 9.0}, {0: 0.25, 1: 0.5}) == {0: 0.75, 1: 0.0}
