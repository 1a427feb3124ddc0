"""The baseline `scripted`: the play of the highest expected reward."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arena.game import GameCard, Observation
from arena_games.blackjack import odds
from arena_games.blackjack.rules import HIT, STAND, seen, total


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """Hit or stand, from the facts of the text view. A win with a natural counts 1 here."""
    if observation.facts is None:
        raise ValueError("blackjack's baseline reads the facts of the text view, but none came")
    return advised(observation.facts)


def advised(facts: Mapping[str, str]) -> int:
    """The better action; to stand where both are worth the same."""
    cards = facts["cards"].split(", ")
    low, ace, shown = seen(cards, facts["dealer"])
    return HIT if odds.hit(low, ace, shown) > odds.stand(total(cards)[0], shown) else STAND
