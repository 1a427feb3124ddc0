"""Lessons in small poker games from a table of mixed strategies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

import numpy as np

from arena.canonical import key
from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.spiel import SpielGame

VIEWS = Views(image=(128, 128), text=True)
TAUGHT = 0.6  # probability that a seat follows the teacher; other seats act at random, so that rare lines occur too
G = TypeVar("G", bound=SpielGame)


@lru_cache(maxsize=8)
def table(package: str, seats: int) -> Mapping[str, Sequence[float]]:
    """The strategy for `seats` players in `package`'s equilibrium.json: a probability an action, by information."""
    policies = json.loads(files(package).joinpath("equilibrium.json").read_text(encoding="utf-8"))["policy"]
    return policies[str(seats)]  # type: ignore[no-any-return]


def draw(probabilities: Sequence[float], legal: Sequence[int], chance: np.random.Generator) -> int:
    """One of the legal actions, drawn from the strategy."""
    weights = [probabilities[action] for action in legal]
    at = chance.random() * sum(weights)
    for action, weight in zip(legal, weights, strict=True):
        at -= weight
        if at < 0 < weight:
            return action
    return max(legal, key=probabilities.__getitem__)


def play(
    game: G,
    chance: np.random.Generator,
    advise: Callable[[G, int], int],
    thought: Callable[[G, int, int], str],
) -> Iterator[Lesson]:
    """Plays one match; yields a lesson at every decision of a seat that follows `advise(game, seat) -> action`.

    Only seats that have followed it from the start give lessons: in other positions its strategy is not defined.
    """
    taught = [bool(chance.random() < TAUGHT) for _ in range(game.seats)]
    taught[int(chance.integers(game.seats))] = True
    card = game.card()
    result = game.reset(key("lesson", chance.bytes(16)))
    while result.ended == "none":
        seat = result.due[0]
        if taught[seat]:
            action = advise(game, seat)
            yield Lesson(card, game.observe(seat, VIEWS), thought(game, seat, action), card.actions[action])
        else:
            action = int(chance.choice(game.legal(seat)))
        result = game.step({seat: Move(action)})
