"""Lessons in Leduc poker: for two seats the answer is drawn from an equilibrium (scripts/solve_leduc.py).

For three seats, which are not solved here, the answer is the baseline's: those lessons teach the pictures.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.game import Views
from arena.train.lesson import Lesson
from arena_games.cards.lessons import draw, play, table
from arena_games.cards.ranks import said
from arena_games.leduc.baseline import choose
from arena_games.leduc.rules import FOLD, RAISE, Leduc

THREE = 0.1  # probability of a table of three


def information(rank: str, board: str, rounds: list[list[int]]) -> str:
    """The key of the strategy table: cards seen, then every action by round, e.g. "K- r" or "KQ cc/r"."""
    told = ["".join("fcr"[action] for action in actions) for actions in rounds]
    return f"{rank}{board or '-'} {'/'.join(told) if board else told[0]}"


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match of two or three seats and yields its lessons."""
    game = Leduc(3 if chance.random() < THREE else 2)
    card = game.card()

    def solved(at: Leduc, seat: int) -> int:
        where = information(at.rank(at.player_of(seat)), at.board(), at.table().rounds)
        return draw(table("arena_games.leduc", 2)[where], at.legal(seat), chance)

    def usual(at: Leduc, seat: int) -> int:
        return choose(at.observe(seat, Views(text=True)), card, chance)

    return play(game, chance, solved if game.seats == 2 else usual, thought)


def thought(game: Leduc, seat: int, action: int) -> str:
    """A sentence on the position, then the conclusion."""
    player = game.player_of(seat)
    rank, board, at = game.rank(player), game.board(), game.table()
    seen = f"I hold {said(rank)}. " + (f"The board shows {said(board)}." if board else "No board card yet.")
    worth = "" if not board else " I have a pair." if rank == board else " No pair."
    facing = max(at.bets) > at.bets[player]
    plan = "I fold" if action == FOLD else "I raise" if action == RAISE else "I call" if facing else "I check"
    return f"{seen}{worth} {plan}."
