"""Thoughts are scored against the game's facts: false ones, silent ones and templates are told apart."""

from __future__ import annotations

import numpy as np

from arena.train.vlm.rows import Row
from arena.train.vlm.thoughts import score, statements
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


def measured(*rows: Row) -> dict[str, float]:
    return score(rows, TOKENS, thought).metrics()


def test_the_teachers_thoughts_are_all_true() -> None:
    rows = [row(thought(facts, "right jump"), facts) for facts in (FREE, PIT)]
    assert measured(*rows) == {"thought/true": 1.0, "thought/told": 1.0, "thought/distinct": 1.0}


def test_a_template_is_seldom_true_and_never_distinct() -> None:
    rows = [row("The way is free. Run.", facts) for facts in (FREE, PIT)]
    # Of PIT's two statements ("Pit ahead, 2 tiles.", "In the air.") it tells none.
    assert measured(*rows) == {"thought/true": 0.5, "thought/told": 1 / 3, "thought/distinct": 0.5}


def test_silence_makes_no_statement_and_tells_nothing() -> None:
    found = score([row("Jump.", PIT)], TOKENS, thought)
    assert (found.turns, found.made, found.due, found.told) == (1, 0, 2, 0)


def test_what_was_planned_is_no_statement() -> None:
    assert statements("Pit ahead, 2 tiles. In the air. Hold jump.") == ["Pit ahead, 2 tiles.", "In the air."]
    assert measured(row(thought(PIT, "right jump"), PIT, answer="left"))["thought/true"] == 1.0


def test_turns_without_facts_are_left_out() -> None:
    assert score([row("The way is free. Run.", None)], TOKENS, thought).turns == 0
