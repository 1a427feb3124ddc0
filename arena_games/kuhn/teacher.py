"""Lessons in Kuhn poker: the answer is drawn from an equilibrium (scripts/solve_kuhn.py)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.train.lesson import Lesson
from arena_games.cards.lessons import draw, play, table
from arena_games.cards.ranks import RANKS, said
from arena_games.kuhn.rules import BET, Kuhn

THREE = 0.2  # probability of a table of three


def information(rank: str, actions: list[int]) -> str:
    """The key of the strategy table: the card held, then every action of the hand, e.g. "Q pb"."""
    return f"{rank} {''.join('pb'[action] for action in actions)}"


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match of two or three seats and yields its lessons."""
    game = Kuhn(3 if chance.random() < THREE else 2)
    policy = table("arena_games.kuhn", game.seats)

    def advise(at: Kuhn, seat: int) -> int:
        where = information(at.rank(at.player_of(seat)), [action for _, action in at.hand.actions()])
        return draw(policy[where], at.legal(seat), chance)

    return play(game, chance, advise, thought)


def thought(game: Kuhn, seat: int, action: int) -> str:
    """A sentence on the position, then the conclusion."""
    player = game.player_of(seat)
    place = RANKS.index(game.rank(player))
    facing = game.to_call(player) > 0
    strength = (
        "It is the best card" if place == game.seats else "It is the worst card" if place == 0 else "It is middling"
    )
    if action == BET:
        plan = "I call" if facing else ("I bluff" if place == 0 else "I bet")
    else:
        plan = "I fold" if facing else "I check"
    return f"I hold {said(RANKS[place])}. {strength}. {plan}."
