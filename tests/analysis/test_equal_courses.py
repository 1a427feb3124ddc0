"""Blocks that go the same way: of a game with chance each is a draw of its own; without chance they are one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arena.analysis.outcomes import read_outcomes
from arena.analysis.resample import Resampler, estimate
from arena.analysis.summary import analyse
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from scripts.eval.leagues import league


def test_scores_are_those_of_the_table_where_few_deals_come_again_and_again(tmp_path: Path) -> None:
    [table] = run_plan(build_plan("kuhn@seats=2", ["scripted", "random"], seed=1, matches=200), tmp_path / "run")
    assert table.distinct < table.blocks
    [game] = analyse(read_outcomes(Run(tmp_path / "run"))).games
    for row, standing in zip(table.rows, game.standings, strict=True):
        assert standing.score is not None
        assert standing.score.value == pytest.approx(row.score)
        assert standing.blocks == table.blocks


def test_without_chance_equal_blocks_say_nothing_twice() -> None:
    found = league((0.5, 0.0, -0.5), 10, seeded=False)
    lineups = np.sort(found.lineup, 1).sum(1)
    same = replace(found, course=lineups.astype(np.uint64))
    assert {pair.blocks for pair in analyse(same).games[0].differences} == {1}


def test_putting_equal_blocks_together_leaves_the_mean() -> None:
    sizes, totals = np.full(9, 2.0), np.array([2.0] * 6 + [-2.0, -1.0, -2.0])
    courses = np.array([1] * 6 + [2, 3, 2], np.uint64)
    apart, together = (estimate(sizes, totals, given, Resampler(0)) for given in (None, courses))
    assert apart is not None
    assert together is not None
    assert together.mean == pytest.approx(apart.mean)
    assert (apart.blocks, together.blocks) == (9, 3)
