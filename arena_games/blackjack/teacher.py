"""Lessons in blackjack: the play of the highest expected reward, in hands of any length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.train.lesson import Lesson
from arena_games.blackjack.baseline import advised
from arena_games.blackjack.rules import Blackjack
from arena_games.puzzles.lessons import taught

ASTRAY = 0.2  # probability of an action by chance: longer hands come up too


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one hand and yields its lessons."""
    return taught(Blackjack(1), chance, solved, thought, ASTRAY)


def solved(facts: Mapping[str, str]) -> str:
    """The play of the highest expected reward."""
    return Blackjack.spec.actions.names[advised(facts)]


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then the plan."""
    soft = ", an ace counts 11" if facts["ace"] == "counts 11" else ""
    return f"I have {facts['sum']}{soft}. The dealer shows {facts['dealer']}. I {answer}."
