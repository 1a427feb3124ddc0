"""The baseline `scripted`: goes towards the target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arena.game import GameCard, Observation
from arena_games.numberline.rules import DOWN, UP


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """The direction of the target, from the facts of the text view."""
    if observation.facts is None:
        raise ValueError("numberline's baseline reads the facts of the text view, but none came")
    return direction(observation.facts)


def direction(facts: Mapping[str, str]) -> int:
    """Towards the target."""
    return UP if int(facts["target"]) > int(facts["current"]) else DOWN
