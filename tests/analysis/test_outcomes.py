"""Outcomes are the log's matches as columns: none is lost, and their sums are those of the table."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from arena.analysis.outcomes import EMPTY, STATUSES, Outcomes, read_outcomes
from arena.analysis.ratings import comparisons
from arena.lineup import resolve
from arena.plan import Limits, PlanSpec
from arena.play import run_plan
from arena.record.reader import Run
from scripts.eval.leagues import league

SPEC = PlanSpec(
    games=("leduc@seats=3", "kuhn@seats=2"), operators=("scripted", "random", "random"), seed=3, matches=24,
    limits=Limits(max_ticks=9),
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("outcomes") / "run"
    run_plan(resolve(SPEC), folder, concurrency=4)
    return Run(folder)


@pytest.fixture(scope="module")
def outcomes(run: Run) -> Outcomes:
    return read_outcomes(run)


def test_there_is_a_row_for_every_match(outcomes: Outcomes) -> None:
    assert outcomes.match.tolist() == list(range(24))
    assert set(outcomes.game.tolist()) == {0, 1}


def test_the_scores_are_those_of_the_table(run: Run, outcomes: Outcomes) -> None:
    for index, table in enumerate(run.tables()):
        mine = outcomes.of_game(index)
        for slot, row in enumerate(table.rows):
            seated = mine.lineup == slot
            assert int(seated.sum()) == row.matches
            assert np.nanmean(mine.returns[seated]) == pytest.approx(row.score)
            assert int(mine.turns[seated].sum()) == row.turns


def test_a_seat_that_a_game_lacks_is_empty(outcomes: Outcomes) -> None:
    kuhn = outcomes.where(outcomes.game == 1)
    assert (kuhn.lineup[:, 2] == EMPTY).all()
    assert np.isnan(kuhn.returns[:, 2]).all()
    assert outcomes.of_game(1).lineup.shape == (len(kuhn), 2)


def test_matches_that_went_the_same_way_have_equal_courses(run: Run, outcomes: Outcomes) -> None:
    again = read_outcomes(run)
    assert (again.course == outcomes.course).all()
    assert len(np.unique(outcomes.course)) > len(outcomes) // 2
    assert {STATUSES[status] for status in outcomes.status} <= {"terminated", "truncated"}


def test_a_stopped_run_gives_its_whole_matches(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes((run.folder / "run.json").read_bytes())
    log = (run.folder / "log-000.jsonl").read_bytes()
    (tmp_path / "log-000.jsonl").write_bytes(log[:-40])
    assert read_outcomes(Run(tmp_path)).match.tolist() == list(range(23))


def test_ratings_take_few_bytes_a_match() -> None:
    """Beside the outcomes themselves, about 75 bytes of two seats: cells are counted, and no match is written out."""
    found = league((0.5, 0.0, 0.0, -0.5), 1000)
    comparisons(found)  # whatever is loaded at the first call
    tracemalloc.start()
    comparisons(found)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / len(found) < 150
