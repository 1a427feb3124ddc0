"""Opponents for exported and training environments: `random`, `scripted`, or any callable."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from arena.errors import InputError, nearest
from arena.game import Game, GameCard, Observation, Views
from arena.plugins import resolve

Play = Callable[[Observation, GameCard, np.random.Generator], int | str]
# play(observation, card, generator) -> a legal action, or words where they may be the whole answer


class Opponent(NamedTuple):
    """How another seat is played, and the views that it needs."""

    name: str
    play: Play
    views: Views


def play_random(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """A uniformly random legal action."""
    return observation.legal[int(chance.integers(len(observation.legal)))]


def opponent(what: str | Opponent | Play, game: type[Game]) -> Opponent:
    """`random`, `scripted` (the game's baseline), an Opponent, or a callable, which is shown vector and text.

    Raises InputError for another name, or for `scripted` where the game has no baseline.
    """
    spec = game.spec
    both = Views(vector=spec.vector_shape is not None, text=spec.text)
    if isinstance(what, Opponent):
        return what
    if callable(what):
        return Opponent(getattr(what, "__name__", type(what).__name__), what, both)
    if what == "random":
        return Opponent("random", play_random, Views())
    if what == "scripted":
        if spec.baseline is None:
            raise InputError(f"{spec.id} has no baseline, so nothing plays `scripted` there; use random or a callable")
        return Opponent("scripted", resolve(spec.baseline), both)
    raise InputError(f"no opponent is called {what!r}. {nearest(str(what), ('random', 'scripted'))}")
