"""Answers are counted as in the log; two are to one question where a view and the legal actions are equal."""

from __future__ import annotations

from typing import Any

import pytest

from arena.analysis import answers
from arena.analysis.answers import Agreement, Example, Place, read_answers
from arena.log import Line, MatchLine, TurnLine


def match(number: int) -> Line:
    return MatchLine(match=number, block=number, game="g", options={}, seed="", seats=("a", "b"), state_hash="")


def turn(operator: str, action: int | None, seen: str = "x", legal: tuple[int, ...] = (0, 1, 2), **how: Any) -> Line:
    how.setdefault("observation_hash", {"text": seen})
    return TurnLine(tick=0, seat=0, operator=operator, legal=legal, action=action, **how)


def test_actions_choices_and_faults_are_told_apart() -> None:
    lines = [
        match(0), turn("a", 1), turn("a", 1, legal=(1,)), turn("a", 0, fault="illegal"), turn("a", 2, late=True),
        turn("a", 2), turn("a", None),
    ]  # fmt: skip
    found = read_answers(lines).answers[0, "a"]
    assert (found.turns, found.choices, found.actions, found.chosen) == (5, 2, {1: 2, 2: 1}, {1: 1, 2: 1})
    assert (found.first, found.last) == (0, 1)
    assert found.faults == {"illegal": 1}
    assert found.examples == {"illegal": [Example(Place(0, 0, 0), None)]}


def test_a_repeated_question_shows_whether_an_operator_decides_the_same() -> None:
    lines = [match(0), turn("a", 1), turn("a", 2, legal=(1, 2)), match(1), turn("a", 1), match(2), turn("a", 2)]
    found = read_answers(lines).answers[0, "a"]
    assert (found.questions, found.repeated, found.differed) == (2, 2, 1)
    assert found.difference == (Place(0, 0, 0), Place(2, 0, 0))


def test_operators_agree_by_any_view_that_both_were_given() -> None:
    both = {"image": "i", "text": "t"}
    lines = [
        match(0), turn("a", 1, observation_hash=both), turn("b", 1, observation_hash={"text": "t"}),
        turn("c", 2, observation_hash={"image": "i"}), turn("d", 2, observation_hash={"vector": "t"}),
    ]  # fmt: skip
    assert read_answers(lines).agreements(0) == {("a", "b"): Agreement(1, 1), ("a", "c"): Agreement(1, 0)}


def test_memory_is_bounded_and_what_is_known_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST", 2)
    lines = [match(0), *(turn("a", 0, seen) for seen in ("x", "y", "z", "x", "z"))]
    found = read_answers(lines).answers[0, "a"]
    assert (found.choices, found.questions, found.repeated) == (5, 2, 1)
