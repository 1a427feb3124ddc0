"""Thoughts are scored against the game's facts: false ones, silent ones and templates are told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arena.lineup import build_plan
from arena.play import run_plan
from arena.train.vlm.rows import Row
from arena.train.vlm.thoughts import kind_of, of_run, score, statements, truths
from arena_games.lanes.thoughts import thought
from tests.train.vlm.kit import TOKENS, ids

FREE = {"ground": "yes", "enemy": "none", "pit": "none", "wall": "none", "wall_height": "none"}
PIT = {**FREE, "ground": "no", "pit": "2"}


def row(written: str, state: dict[str, str] | None, answer: str = "right jump") -> Row:
    tokens = ids(f"{written}\nAnswer: {answer}")
    return Row(
        episode=0,
        game="sidescroller",
        role="seat0",
        seat=0,
        turn=0,
        group=0,
        prompt=np.ones(1, np.int32),
        response=tokens,
        mu=np.zeros(len(tokens), np.float32),
        thought=len(written),
        version="base",
        state=state,
    )


SAYS = {"sidescroller": thought}


def measured(*rows: Row) -> dict[str, float]:
    return score(rows, TOKENS, SAYS).metrics()


def test_the_teachers_thoughts_are_all_true() -> None:
    rows = [row(thought(facts, "right jump"), facts) for facts in (FREE, PIT)]
    assert set(measured(*rows).values()) == {1.0}


def test_a_template_is_seldom_true_and_tells_little() -> None:
    found = measured(*[row("The way is free. Run.", facts) for facts in (FREE, PIT)])
    # Of PIT's two statements ("Pit ahead, 2 tiles.", "In the air.") it tells none.
    assert (found["thought/true"], found["thought/told"]) == (0.5, 1 / 3)


def test_what_is_there_may_be_right_where_its_distance_is_not() -> None:
    found = measured(row("Pit ahead, 4 tiles. In the air. Hold jump.", PIT))
    assert (found["thought/true"], found["thought/true_kind"]) == (0.5, 1.0)


def test_each_kind_has_its_share_of_the_turns_in_which_it_is_true() -> None:
    found = measured(
        *[row("The way is free. Run.", facts) for facts in (FREE, PIT, PIT)], row("Wall ahead. Jump.", FREE)
    )
    shares = {name.rpartition("/")[2]: share for name, share in found.items() if name.startswith("thought/told_kind/")}
    assert shares == {"the_way_is_free": 0.5, "pit_ahead": 0.0, "in_the_air": 0.0}


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("Wall ahead, 1 tile, 2 high.", "Wall ahead"),
        ("In the air.", "In the air"),
        ("The cards count 10, 4, 1, 1.", "The cards count"),
        ("The formula is ( 10 - 4.", "The formula is"),
        ("The dealer shows Kh.", "The dealer shows"),
        ("Open: up, left.", "Open"),
        ("", ""),
    ],
)
def test_a_kind_is_the_words_before_what_differs_from_moment_to_moment(statement: str, kind: str) -> None:
    assert kind_of(statement) == kind


@pytest.mark.parametrize("text", ["Wall! Wall. Pit ahead. And more.", "Jump.\nAnswer: up. Or down! Perhaps."])
def test_what_is_no_answer_adds_nothing_to_what_is_true(text: str) -> None:
    quoting = {"sidescroller": lambda facts, answer: f"Pit ahead, 2 tiles. Next is {answer}."}
    one = replace(row("", PIT), response=ids(text))
    assert dict(score([one], TOKENS, quoting).due) == {"Pit ahead": 1}


def test_silence_makes_no_statement_and_tells_nothing() -> None:
    found = score([row("Jump.", PIT)], TOKENS, SAYS)
    assert (found.turns, found.made, found.due.total(), found.told.total()) == (1, 0, 2, 0)


def test_what_was_planned_is_no_statement() -> None:
    assert statements("Pit ahead, 2 tiles. In the air. Hold jump.") == ["Pit ahead, 2 tiles.", "In the air."]
    assert measured(row(thought(PIT, "right jump"), PIT, answer="left"))["thought/true"] == 1.0


def test_turns_without_facts_or_of_games_without_a_truth_are_left_out() -> None:
    assert score([row("The way is free. Run.", None)], TOKENS, SAYS).turns == 0
    assert score([row("The way is free. Run.", FREE)], TOKENS, {}).metrics() == {}


def test_the_lanes_tell_what_is_true_of_them_and_cards_do_not() -> None:
    plan = build_plan("sidescroller", ["random"], seed=1, matches=1)
    assert truths(plan.games) == SAYS
    assert truths(build_plan("leduc", ["random", "random"], seed=1, matches=1).games) == {}


def test_the_thoughts_of_a_run_are_scored_by_operator(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    run_plan(build_plan("sidescroller@horizon=5", ["vlm", "scripted"], seed=1, matches=1), tmp_path / "run")
    found = of_run(tmp_path / "run")
    assert {name: count.turns for name, count in found.items()} == {"vlm": 5}
    assert 0.3 < found["vlm"].metrics()["thought/told"] <= 1.0
