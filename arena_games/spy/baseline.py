"""The baseline `scripted`: says what is true and rare, as the spy what is common; suspects whose clues do not fit."""

from __future__ import annotations

import numpy as np

from arena.game import GameCard, Observation, floats
from arena_games.spy import views
from arena_games.spy.statements import by_name
from arena_games.spy.table import ABSTAIN, FIRST, FIRST_SEAT, SAY_NOTHING

SILENT = 0.5  # of a false clue: how suspect it is to say nothing


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """A clue from the offered statements, or a vote for the most suspect seat, the first of equals."""
    if observation.vector is None:
        raise ValueError("spy's baseline reads the vector view, but none came")
    seen = views.Seen(floats(observation.vector, card.vector_scale), len(card.actions) - FIRST)
    if ABSTAIN in observation.legal:
        return _vote(observation.legal, seen, chance)
    bits = [one.bits for one in by_name(card.options["pictures"]).all]
    told = [action - FIRST for action in observation.legal if action != SAY_NOTHING]
    fitting = [number for number in told if seen.true[number]] or told
    if not fitting:
        return SAY_NOTHING
    best = min if seen.spy else max
    return FIRST + best(fitting, key=lambda number: (bits[number], -number))


def _vote(legal: tuple[int, ...], seen: views.Seen, chance: np.random.Generator) -> int:
    others = [action - FIRST_SEAT for action in legal if action != ABSTAIN]
    if seen.spy:
        return FIRST_SEAT + int(chance.choice(others))
    suspicion = (seen.said < 0).sum(axis=1) + SILENT * seen.silent
    worst = max(others, key=lambda seat: (suspicion[seat], -seat))
    return FIRST_SEAT + (worst if suspicion[worst] else int(chance.choice(others)))
