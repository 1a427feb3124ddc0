"""Lessons in NumberLine: towards the target, from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.train.lesson import Lesson
from arena_games.numberline.baseline import direction
from arena_games.numberline.rules import NumberLine
from arena_games.puzzles.lessons import taught


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match and yields its lessons."""
    return taught(NumberLine(1), chance, solved, thought)


def solved(facts: Mapping[str, str]) -> str:
    """The direction of the target."""
    return NumberLine.spec.actions.names[direction(facts)]


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then the plan."""
    plan = "I go up" if answer == "+" else "I go down"
    return f"The target is {facts['target']}. The current number is {facts['current']}. {plan}."
