"""Interquartile means and chances to do better stand on the page and in the terminal as analysis.json has them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from arena.analysis.improvement import Better
from arena.analysis.kept import write_analysis
from arena.analysis.summary import Analysis
from arena.cli.ranking import print_ranking
from arena.lineup import resolve
from arena.plan import PlanSpec
from arena.play import run_plan
from arena.record.reader import Run
from arena.report.better import NO_MIDDLE, REFUSED, better
from tests.report.test_page import Page, found


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder: Path = tmp_path_factory.mktemp("better") / "run"
    pool = ("scripted", "random", "scripted")
    spec = PlanSpec(games=("kuhn@seats=2", "leduc@seats=2"), operators=pool, seed=1, matches=240)
    run_plan(resolve(spec), folder)
    return write_analysis(Run(folder))


def test_every_number_is_that_of_analysis_json(analysis: Analysis) -> None:
    written = json.loads(msgspec.json.encode(analysis))
    figures = Page(str(better(analysis))).figures
    paths = {path.removeprefix("analysis:") for path, _, _ in figures}
    assert {f"overall.middle.{at}.{end}" for at in range(3) for end in ("value", "low", "high")} <= paths
    assert {f"overall.better.{at}.{end}" for at in range(3) for end in ("value", "low", "high")} <= paths
    assert {f"games.1.differences.2.{name}" for name in ("better", "better_low", "better_high")} <= paths
    for path, value, text in figures:
        assert json.loads(value) == found(written, path.removeprefix("analysis:"))
        shown = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        assert shown == pytest.approx(json.loads(value), abs=0.0051)


def test_a_refused_interval_is_said(analysis: Analysis) -> None:
    assert REFUSED not in better(analysis)
    overall = analysis.overall
    assert overall is not None
    refused = [one and msgspec.structs.replace(one, low=None, high=None) for one in overall.middle]
    shown = better(msgspec.structs.replace(analysis, overall=msgspec.structs.replace(overall, middle=refused)))
    assert REFUSED in shown


def test_a_mean_that_there_is_not_is_said(analysis: Analysis) -> None:
    overall = analysis.overall
    assert overall is not None
    without = msgspec.structs.replace(overall, middle=[None] * 3)
    assert NO_MIDDLE in better(msgspec.structs.replace(analysis, overall=without))


def test_the_terminal_has_them(analysis: Analysis, capsys: pytest.CaptureFixture[str]) -> None:
    assert analysis.overall is not None
    sure = [Better(one="random", other="scripted#1", value=0.3, low=0.2, high=0.4)]
    overall = msgspec.structs.replace(analysis.overall, better=sure)
    print_ranking(msgspec.structs.replace(analysis, overall=overall), Console(width=160))
    shown = capsys.readouterr().out
    assert overall.middle[0] is not None
    assert f"{overall.middle[0].value:+.3f}" in shown
    assert "scripted#1 does better than random in 70% of the blocks (60% to 80%)" in shown
