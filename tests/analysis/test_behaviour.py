"""What operators did is counted from the log: its sums are those of the table."""

from __future__ import annotations

import msgspec
import pytest
from click.testing import CliRunner

from arena.analysis import behaviour as module
from arena.analysis.behaviour import GameBehaviour, behaviour
from arena.cli.main import cli
from arena.lineup import resolve
from arena.log import TickLine
from arena.plan import Limits, PlanSpec
from arena.play import run_plan
from arena.record.reader import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("behaviour") / "run"
    games = ("leduc@seats=3", "sidescroller@seats=3")
    spec = PlanSpec(
        games=games, operators=("scripted", "ppo", "random"), seed=1, matches=12, limits=Limits(max_ticks=60)
    )
    run_plan(resolve(spec), out, concurrency=4)
    return Run(out)


@pytest.fixture(scope="module")
def found(run: Run) -> list[GameBehaviour]:
    return behaviour(run)


def test_the_counts_are_those_of_the_table_and_the_timing_file(run: Run, found: list[GameBehaviour]) -> None:
    for number, (table, one) in enumerate(zip(run.tables(), found, strict=True)):
        spent = run.times().spent[number]
        for row, here in zip(table.rows, one.rows, strict=True):
            assert (here.operator, here.turns) == (row.operator, row.turns)
            assert sum(here.actions.values()) + sum(here.faults.values()) == row.turns
            assert here.seconds is not None
            assert here.seconds.count == spent[row.operator].answers
            assert here.seconds.mean * here.seconds.count == pytest.approx(spent[row.operator].seconds, rel=1e-4)


def test_operators_that_saw_the_same_are_compared(found: list[GameBehaviour]) -> None:
    leduc = found[0]
    assert {(pair.one, pair.two) for pair in leduc.pairs} == {("ppo", "scripted")}
    assert all(0 <= pair.low <= pair.same / pair.questions <= pair.high <= 1 for pair in leduc.pairs)


def test_a_curve_ends_at_the_score_and_only_games_with_progress_have_one(run: Run, found: list[GameBehaviour]) -> None:
    assert found[0].curves == []
    rows = {row.operator: row.score for row in run.tables()[1].rows}
    for curve in found[1].curves:
        assert curve.rewards[-1] == pytest.approx(rows[curve.operator], abs=1e-3)
        assert curve.matches == 6
        assert len(curve.rewards) > 20


def test_long_matches_have_a_curve_of_few_points(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = {curve.operator: curve for curve in behaviour(run)[1].curves}
    monkeypatch.setattr(module, "POINTS", 16)
    ticks = max(line.tick for line in run.lines() if isinstance(line, TickLine))
    for curve in behaviour(run)[1].curves:
        assert curve.every == 4
        assert len(curve.rewards) <= 16 <= ticks
        assert curve.rewards[2] == pytest.approx(fine[curve.operator].rewards[3 * curve.every - 1])


def test_the_command_shows_it(run: Run, found: list[GameBehaviour]) -> None:
    words = CliRunner().invoke(cli, ["show", str(run.folder), "--behaviour"])
    assert "ppo and scripted answered the same questions" in words.output
    told = CliRunner().invoke(cli, ["show", str(run.folder), "--behaviour", "--json"])
    assert msgspec.json.decode(told.output, type=list[GameBehaviour]) == found
    assert CliRunner().invoke(cli, ["show", str(run.folder), "--json"]).exit_code != 0
