"""Lessons in NumberLine: towards the target, from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.numberline.baseline import choose
from arena_games.numberline.rules import NumberLine

VIEW = Views(image=(128, 128), text=True)


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match and yields its lessons."""
    game = NumberLine(1)
    result = game.reset(chance.bytes(16))
    card = game.card()
    while result.due:
        seen = game.observe(0, VIEW)
        assert seen.facts is not None
        action = choose(seen, card, chance)
        yield Lesson(card, seen, thought(seen.facts, card.actions[action]), card.actions[action])
        result = game.step({0: Move(action)})


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then the plan."""
    plan = "I go up" if answer == "+" else "I go down"
    return f"The target is {facts['target']}. The current number is {facts['current']}. {plan}."
