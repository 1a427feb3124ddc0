"""The baseline `scripted`: the best card always bets, the worst sometimes bluffs, the others call half the time."""

from __future__ import annotations

import numpy as np

from arena.game import GameCard, Observation
from arena_games.cards.ranks import RANKS
from arena_games.kuhn.rules import BET, PASS


def choose(observation: Observation, card: GameCard, rng: np.random.Generator) -> int:
    """A legal action from the text view's facts. Every decision draws one number from `rng`."""
    if observation.facts is None:
        raise ValueError("kuhn's baseline reads the facts of the text view, but none came: open the seat with text")
    draw = rng.random()
    rank = RANKS.index(observation.facts["hand"])
    facing = observation.facts["to_call"] != "0"
    if rank == card.seats:
        return BET
    if rank == 0:
        return BET if not facing and draw < 0.3 else PASS
    return BET if facing and draw < 0.5 else PASS
