"""The baseline `scripted`: writes the shortest solution; where there is none, any formula."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arena.game import GameCard, Observation
from arena_games.points24.rules import GAP, next_symbol


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """The next symbol of a solution that goes on from the formula; without one, what ends it at the least cost."""
    if observation.facts is None:
        raise ValueError(f"{card.game}'s baseline reads the facts of the text view, but none came")
    return card.actions.index(advised(observation.facts, card.actions) or "=")


def advised(facts: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """The next symbol of a solution, from the facts of a moment; None where nothing leads to one."""
    return _next(facts, names, written(facts), int(facts["symbols_left"]) - 1)


def rest(facts: Mapping[str, str], names: tuple[str, ...], symbol: str) -> list[str]:
    """What follows `symbol`, if that is written next, up to the `=`; empty where it leads to no solution."""
    tokens, room, out = [*written(facts), symbol], int(facts["symbols_left"]) - 2, list[str]()
    while (then := _next(facts, names, [*tokens, *out], room - len(out))) is not None:
        out.append(then)
        if then == "=":
            break
    return out


def written(facts: Mapping[str, str]) -> list[str]:
    """The symbols of the formula so far, without gaps."""
    return [] if facts["formula"] == "empty" else [one for one in facts["formula"].split(" ") if one != GAP]


def _next(facts: Mapping[str, str], names: tuple[str, ...], tokens: list[str], room: int) -> str | None:
    numbers = [int(one) for one in facts["numbers"].split(", ")]
    return next_symbol(numbers, int(facts["target"]), names, tokens, room)
