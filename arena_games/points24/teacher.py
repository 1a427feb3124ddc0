"""Lessons in Points24: the next symbol of the shortest solution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.train.lesson import Lesson
from arena_games.points24.baseline import advised, rest
from arena_games.points24.rules import Points24
from arena_games.puzzles.lessons import taught

ASTRAY = 0.05  # probability of a symbol by chance
KEPT = 0.3  # of the decisions after the first: a plan is made once and then followed, and more deals are seen so


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one deal and yields its first lesson and some of the others."""
    game = Points24(1, {"solvable": "only"})
    for at, lesson in enumerate(taught(game, chance, solved, thought, ASTRAY)):
        if not at or chance.random() < KEPT:
            yield lesson


def best(facts: Mapping[str, str]) -> str | None:
    """The next symbol of the shortest solution; None where nothing leads to one."""
    return advised(facts, Points24.spec.actions.names)


def solved(facts: Mapping[str, str]) -> str:
    """The same; without a solution, what ends it."""
    return best(facts) or "="


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then what comes next and, where that still leads to a solution, all that follows."""
    if answer == "=":
        return f"{shown(facts)} I end it."
    plan = (
        " ".join([f"{answer}, then", *then]) if (then := rest(facts, Points24.spec.actions.names, answer)) else answer
    )
    return f"{shown(facts)} Next is {plan}."


def shown(facts: Mapping[str, str]) -> str:
    """What the picture shows, of points24 and ezpoints."""
    return f"The cards count {facts['numbers']}. The formula is {facts['formula']}."
