"""The tables of spy: civilians of `scripted` never lie, and who seats no spy is told so."""

from __future__ import annotations

import pytest

from arena.errors import InputError
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from scripts.eval.spy_league import page, read


@pytest.fixture(scope="module")
def league(tmp_path_factory):
    out = tmp_path_factory.mktemp("league") / "run"
    run_plan(build_plan("spy@rounds=1", ["scripted", "random", "random"], seed=1, matches=12), out)
    return read(Run(out))


def test_each_match_has_one_spy_and_who_wins_is_one_side(league):
    assert league.matches == 12
    for role, seats in (("spy", 12), ("civilian", 24)):
        assert sum(won.count for key, won in league.won.items() if key[1] == role) == seats


def test_scripted_says_what_is_true_of_its_picture(league):
    for role in ("civilian", "spy"):
        assert league.true["scripted", role].mean == 1
    assert league.true["random#1", "civilian"].mean < 1


def test_the_page_has_every_table(league):
    text = page(league)
    assert text.count("|\n| --- |") == 4
    assert "nan" not in text


def test_a_run_of_other_games_is_refused(tmp_path):
    run_plan(build_plan("kuhn", ["random", "random"], seed=1, matches=2), tmp_path / "run")
    with pytest.raises(InputError, match="has no match of spy"):
        read(Run(tmp_path / "run"))
