"""The baseline `scripted`: raise a pair or the best card, call with a middling one, fold the worst to a raise."""

from __future__ import annotations

import numpy as np

from arena.game import GameCard, Observation
from arena_games.cards.ranks import RANKS
from arena_games.leduc.rules import CALL, FOLD, RAISE


def choose(observation: Observation, card: GameCard, rng: np.random.Generator) -> int:
    """A legal action from the text view's facts. Every decision draws one number from `rng`."""
    if observation.facts is None:
        raise ValueError("leduc's baseline reads the facts of the text view, but none came: open the seat with text")
    facts, legal = observation.facts, observation.legal
    wanted = _wanted(facts["hand"], facts["board"], facts["to_call"] != "0", card.seats, rng.random())
    return wanted if wanted in legal else CALL


def _wanted(hand: str, board: str, facing: bool, seats: int, draw: float) -> int:
    rank, top = RANKS.index(hand), seats
    if hand == board:
        return RAISE
    if board == "none":
        if rank == top:
            return RAISE
        if rank == 0:
            return FOLD if facing and draw < 0.6 else CALL
        return RAISE if not facing and draw < 0.3 else CALL
    if not facing:
        return RAISE if rank == top or draw < 0.15 else CALL
    return CALL if rank == top or (rank > 0 and draw < 0.4) else FOLD
