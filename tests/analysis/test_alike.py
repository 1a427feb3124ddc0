"""A comparison of operators that were treated differently is marked, and says how."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from arena.analysis.alike import GameConditions, conditions
from arena.cli.main import cli
from arena.game import Views
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.head import GameHead, OperatorHead
from arena.record.reader import Run
from scripts.eval.leagues import game_head, operator_head

MODEL = {"history": 0, "temperature": 0.5, "backend": "openai", "url": "http://here/v1", "key": "NAME", "threads": 1}


def game(*operators: OperatorHead) -> GameHead:
    return msgspec.structs.replace(game_head(["x"], 2), operators=operators)


def test_different_views_are_marked_and_equal_ones_are_not() -> None:
    text, image = Views(text=True), Views(image=(64, 64))
    one, two = operator_head("a", kind="llm", views=text), operator_head("b", kind="vlm", views=image)
    assert game(one, two).unlike == "not like with like: operators were shown different views (a: text; b: image 64x64)"
    assert game(one, operator_head("c", kind="ppo", views=text)).unlike is None


def test_what_a_game_brings_is_no_rival() -> None:
    seeing = operator_head("scripted", kind="scripted", views=Views(vector=True))
    blind = operator_head("random", kind="random", views=Views())
    assert game(seeing, blind, operator_head("a", kind="llm", views=Views(text=True))).unlike is None


def test_options_are_compared_among_those_that_have_them() -> None:
    one = operator_head("a", kind="vlm", options=MODEL | {"history": 4})
    two = operator_head("b", kind="llm", options=MODEL | {"url": "http://there/v1"})
    found = conditions(game(one, two, operator_head("c", kind="ppo")), "leduc", {"a": [{"server": "vLLM 0.32"}]})
    assert found.differences == [
        "not like with like: operators had another history (a: history 4; b: history 0)",
        "not like with like: operators had another server (a: url http://here/v1; b: url http://there/v1)",
    ]
    row = found.rows[0]
    assert (row.history, row.sampling, row.other) == ({"history": 4}, {"temperature": 0.5}, {"threads": 1})
    assert row.told == [{"server": "vLLM 0.32"}]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alike") / "run"
    seeing = Path(__file__).parents[2] / "docs/examples/first_operator.py"
    run_plan(build_plan("leduc@seats=2", ["ppo", str(seeing)], matches=4), out)
    return out


def test_the_mark_is_in_the_results_and_below_the_table(run: Path) -> None:
    (table,) = Run(run).recorded_tables() or ()
    assert table.unlike is not None
    assert [row.views for row in table.rows] == ["vector", "nothing but the legal actions"]
    shown = CliRunner().invoke(cli, ["show", str(run)])
    assert "not like with like: operators were shown different views" in shown.output


def test_the_command_tells_what_each_had(run: Path) -> None:
    shown = CliRunner().invoke(cli, ["show", str(run), "--conditions"])
    assert "ppo (ppo), shown vector" in shown.output
    told = CliRunner().invoke(cli, ["show", str(run), "--conditions", "--json"])
    (found,) = msgspec.json.decode(told.output, type=list[GameConditions])
    assert found.rows[0].sampling == {"deterministic": False}
