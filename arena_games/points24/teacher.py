"""Lessons in Points24: the next symbol of the shortest solution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.train.lesson import Lesson
from arena_games.points24.baseline import advised
from arena_games.points24.rules import Points24
from arena_games.puzzles.lessons import taught

ASTRAY = 0.05  # probability of a symbol by chance


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one deal and yields its lessons."""
    game = Points24(1, {"solvable": "only"})
    return taught(game, chance, solved, thought, ASTRAY)


def solved(facts: Mapping[str, str]) -> str:
    """The next symbol of the shortest solution; without one, what ends it."""
    return advised(facts, Points24.spec.actions.names) or "="


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then what comes next."""
    plan = "I end it" if answer == "=" else f"Next is {answer}"
    return f"The cards count {facts['numbers']}. The formula is {facts['formula']}. {plan}."
