"""The baseline `scripted` of every lane: run right, and jump before the obstacles that the text view names."""

from __future__ import annotations

import numpy as np

from arena.game import GameCard, Observation

PIT, ENEMY, WALL = 1, 3, 2  # tiles at which it jumps


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """Returns a legal action. Releases jump for one decision after landing, since a held jump does not jump again."""
    facts = observation.facts
    if facts is None:
        raise ValueError("the baseline of lanes reads the facts of the text view: open the seat with text")
    held = "jump" in facts["last"]
    near = _within(facts["pit"], PIT) or _within(facts["enemy"], ENEMY) or _within(facts["wall"], WALL)
    jump = held if facts["ground"] == "no" else near and not held
    wanted = ("right run jump", "right jump") if jump else ("right run", "right")
    for name in wanted:
        if name in card.actions and card.actions.index(name) in observation.legal:
            return card.actions.index(name)
    return observation.legal[0]


def _within(tiles: str, most: int) -> bool:
    return tiles != "none" and int(tiles) <= most
