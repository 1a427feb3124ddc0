"""Lessons in the sidescroller: the actions of a search, from the start to the flag, with slips in between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.canonical import key
from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.lanes.moves import RUN
from arena_games.lanes.thoughts import FREE, ahead, thought
from arena_games.sidescroller import search
from arena_games.sidescroller.rules import Sidescroller

VIEWS = Views(image=(128, 128), text=True)
SLIPS = (0.0, 0.05, 0.15)  # probability that the player of a match takes a random action instead
PLAIN = 0.3  # share of the lessons kept where nothing is ahead and the player just runs


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match in one lane, on a level of the set `train`, and yields its lessons."""
    game = Sidescroller(1, {"set": "train"})
    card = game.card()
    result = game.reset(key("lesson", chance.bytes(16)))
    slip = float(chance.choice(SLIPS))
    while result.ended == "none":
        advice = search.lesson(game.lane(0).world)
        if advice is None:  # a slip was fatal: a fall teaches nothing
            return
        action, _ = advice
        facts = game.facts(0)
        if ahead(facts) != FREE or action != RUN or chance.random() < PLAIN:
            answer = card.actions[action]
            yield Lesson(card, game.observe(0, VIEWS), thought(facts, answer), answer)
        if chance.random() < slip:
            action = int(chance.integers(len(card.actions)))
        result = game.step({0: Move(action)})
