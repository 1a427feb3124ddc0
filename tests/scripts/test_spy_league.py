"""The tables of spy: civilians of `scripted` never lie, and who seats no spy is told so."""

from __future__ import annotations

import pytest

from arena.errors import InputError
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from scripts.eval.spy_league import page, read


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("league") / "run"
    run_plan(build_plan("spy@rounds=1", ["scripted", "random", "random"], seed=1, matches=12), out)
    return Run(out)


@pytest.fixture(scope="module")
def rows(run):
    """By title of the table and names of the row: its count, and its cells by column."""
    (table,) = read(run)
    return {
        (found.title, *row.names): (row.count, dict(zip(found.columns, row.cells, strict=True)))
        for found in table.measures
        for row in found.rows
    }


def test_each_match_has_one_spy_and_who_wins_is_one_side(rows):
    for role, seats in (("spy", 12), ("civilian", 24)):
        assert (
            sum(count for (title, *names), (count, _) in rows.items() if names[-1] == role and "Wins" in title) == seats
        )


def test_scripted_says_what_is_true_of_its_picture(rows):
    for role in ("civilian", "spy"):
        assert rows["Clues against both pictures", "scripted", role][1]["true"].value == 1
    assert rows["Clues against both pictures", "random#1", "civilian"][1]["true"].value < 1


def test_the_script_tells_what_results_json_has(run):
    assert read(run) == run.recorded_tables()


def test_the_page_has_every_table(run):
    text = page(read(run))
    assert text.count("|\n| --- |") == 4
    assert "nan" not in text


def test_a_run_of_other_games_is_refused(tmp_path):
    run_plan(build_plan("kuhn", ["random", "random"], seed=1, matches=2), tmp_path / "run")
    with pytest.raises(InputError, match="has no match of spy"):
        read(Run(tmp_path / "run"))
