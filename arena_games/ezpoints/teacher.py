"""Lessons in EZPoints: see points24."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.train.lesson import Lesson
from arena_games.ezpoints.rules import EzPoints
from arena_games.points24.baseline import advised
from arena_games.points24.teacher import ASTRAY, shown
from arena_games.puzzles.lessons import taught


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one deal and yields its lessons."""
    return taught(EzPoints(1), chance, solved, thought, ASTRAY)


def best(facts: Mapping[str, str]) -> str | None:
    """The next symbol of the shortest solution; None where nothing leads to one."""
    return advised(facts, EzPoints.spec.actions.names)


def solved(facts: Mapping[str, str]) -> str:
    """The same; without a solution, what ends it."""
    return best(facts) or "="


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then what comes next."""
    plan = "I end it" if answer == "=" else f"Next is {answer}"
    return f"{shown(facts)} {plan}."
