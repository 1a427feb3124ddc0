"""The baseline `scripted`: win, else stop a win, else a random column near the middle that allows no win."""

from __future__ import annotations

import numpy as np

from arena.game import GameCard, Observation
from arena_games.connect_four import search


def choose(observation: Observation, card: GameCard, rng: np.random.Generator) -> int:
    """A legal action from the text view's facts. Every decision draws one number from `rng`."""
    if observation.facts is None:
        raise ValueError("connect_four's baseline reads the facts of the text view: open the seat with text")
    history = observation.facts["history"]
    at = search.board(int(column) - 1 for column in history.split() if column.isdigit())
    draw = rng.random()
    now = search.wins(at) or search.wins(at, own=False)
    if now:
        return now[0]
    legal = search.moves(at)
    safe = [column for column in legal if not search.wins(search.play(at, column))] or legal
    weights = np.array([4 - abs(column - 3) for column in safe], np.float64)
    return safe[int(np.searchsorted(np.cumsum(weights / weights.sum()), draw, side="right").clip(0, len(safe) - 1))]
