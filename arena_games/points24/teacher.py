"""Lessons in Points24 and EZPoints: the next symbol of the shortest solution, and sometimes after a wrong one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.points24.baseline import advised
from arena_games.points24.rules import FormulaGame, Points24

VIEW = Views(image=(128, 128), text=True)
ASTRAY = 0.05  # probability that a symbol is drawn by chance: what to do then is shown too


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one deal and yields its lessons."""
    return taught(Points24(1, {"solvable": "only"}), chance)


def taught(game: FormulaGame, chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match of one seat and yields its lessons."""
    result = game.reset(chance.bytes(16))
    card = game.card()
    while result.due:
        seen = game.observe(0, VIEW)
        assert seen.facts is not None
        answer = advised(seen.facts, card.actions) or "="
        yield Lesson(card, seen, thought(seen.facts, answer), answer)
        astray = chance.random() < ASTRAY
        action = int(chance.choice(seen.legal)) if astray else card.actions.index(answer)
        result = game.step({0: Move(action)})


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then what comes next."""
    plan = "I end it" if answer == "=" else f"Next is {answer}"
    return f"The cards count {facts['numbers']}. The formula is {facts['formula']}. {plan}."
