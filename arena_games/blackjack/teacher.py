"""Lessons in blackjack: the play of the highest expected reward, in hands of any length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.blackjack.baseline import advised
from arena_games.blackjack.rules import HIT, Blackjack

VIEW = Views(image=(128, 128), text=True)
MORE = 0.1  # probability of a hit against the advice: longer hands come up too


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one hand and yields its lessons."""
    game = Blackjack(1)
    result = game.reset(chance.bytes(16))
    card = game.card()
    while result.due:
        seen = game.observe(0, VIEW)
        assert seen.facts is not None
        action = advised(seen.facts)
        yield Lesson(card, seen, thought(seen.facts, card.actions[action]), card.actions[action])
        result = game.step({0: Move(HIT if chance.random() < MORE else action)})


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then the plan."""
    soft = ", an ace counts 11" if facts["ace"] == "counts 11" else ""
    return f"I have {facts['sum']}{soft}. The dealer shows {facts['dealer']}. I {answer}."
