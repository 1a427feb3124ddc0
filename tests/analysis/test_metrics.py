"""An evaluation computes the metrics that it names, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from arena.analysis.kept import check_analysis, read_analysis, write_analysis
from arena.cli.ranking import print_ranking
from arena.errors import InputError
from arena.evaluation import Evaluation
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from arena.report.page import one_run


def test_an_unknown_metric_is_refused_with_the_nearest_right_one() -> None:
    evaluation = Evaluation(games=("kuhn",), operators=("random", "scripted"), metrics=("raitings",))
    with pytest.raises(InputError, match=r"none called 'raitings'.*ratings"):
        evaluation.plan()


def test_only_the_metrics_that_were_named_are_computed_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_plan(build_plan("kuhn@seats=2", ["scripted", "random"], seed=1, matches=40), tmp_path / "run")
    run = Run(tmp_path / "run")
    found = write_analysis(run, ("payoffs",))
    [game] = found.games
    assert game.payoffs
    assert not game.differences
    assert {(one.rating, one.ranks) for one in game.standings} == {(None, None)}
    assert all(one.score is not None for one in game.standings)
    assert read_analysis(run) == found
    assert check_analysis(run) is None
    print_ranking(found, Console())
    shown = capsys.readouterr().out
    assert "scripted" in shown
    assert "rating" not in shown
    assert "rank" not in shown
    page = one_run(run)
    assert "Head to head" not in page
    assert "Bradley" not in page
