"""What evaluations say of a training: the last one against the first."""

from __future__ import annotations

import json
from pathlib import Path

from arena.lineup import build_plan
from arena.play import run_plan
from arena.train.vlm.changes import between, sentences
from arena.train.vlm.scored import THOUGHTS, best, folder_of


def evaluated(out: Path, update: int, *operators: str, game: str = "kuhn", matches: int = 40) -> None:
    run_plan(build_plan(game, operators, seed=1, matches=matches), folder_of(out, update))


def test_who_plays_better_rose_and_who_plays_worse_fell(tmp_path: Path) -> None:
    better, worse = tmp_path / "better", tmp_path / "worse"
    for out, first, last in ((better, "random", "scripted"), (worse, "scripted", "random")):
        evaluated(out, 0, first, "scripted", game="leduc", matches=200)
        evaluated(out, 20, last, "scripted", game="leduc", matches=200)
    (line,) = sentences(better)
    assert line.startswith("leduc: -")
    assert " before training, " in line
    assert line.endswith("deal by deal: it rose")
    assert sentences(worse)[0].endswith(": it fell")
    (one,), (other,) = between(better, 0, 20), between(worse, 0, 20)
    assert (one.before, one.after) == (other.after, other.before)


def test_the_difference_is_of_deals_that_both_played(tmp_path: Path) -> None:
    evaluated(tmp_path, 5, "scripted", "random", matches=8)
    evaluated(tmp_path, 10, "scripted", "random", matches=40)
    (line,) = sentences(tmp_path)
    before, after = line.split(" after update 5, ")[0].split()[-1], line.split(" after update 10, ")[0].split()[-1]
    assert before == after
    assert ", +0 (no interval) deal by deal" in line


def test_other_opponents_are_not_compared(tmp_path: Path) -> None:
    evaluated(tmp_path, 0, "scripted", "random")
    evaluated(tmp_path, 10, "scripted", "scripted")
    assert sentences(tmp_path) == []


def test_true_statements_are_told_where_both_were_scored(tmp_path: Path) -> None:
    for update, share in ((0, 0.75), (10, 0.5)):
        evaluated(tmp_path, update, "scripted", "random", matches=8)
        assert len(sentences(tmp_path)) == bool(update)
        (folder_of(tmp_path, update) / THOUGHTS).write_text(json.dumps({"thought/true": share}))
    assert sentences(tmp_path)[1] == "true statements: 75.0% before training, 50.0% after update 10"


def test_one_evaluation_changes_nothing(tmp_path: Path) -> None:
    evaluated(tmp_path, 0, "scripted", "random")
    assert sentences(tmp_path) == []


def test_the_best_evaluation_is_of_those_that_are_played_as_the_newest(tmp_path: Path) -> None:
    evaluated(tmp_path, 5, "scripted", "random", game="leduc")
    assert best(tmp_path) == 5
    for update in (10, 20):
        evaluated(tmp_path, update, "random", "scripted", game="leduc")
        assert best(tmp_path) == 10
