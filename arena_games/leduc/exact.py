"""Exact numbers of Leduc poker for two."""

from __future__ import annotations

from collections.abc import Sequence

from arena_games.cards.exact import ExactCards, History
from arena_games.cards.lessons import table
from arena_games.cards.ranks import RANKS
from arena_games.leduc.rules import Leduc
from arena_games.leduc.teacher import information


def exact(game: Leduc) -> ExactCards | None:
    """None for more than two seats. Luck is measured by the shipped equilibrium."""
    return ExactCards(game, _chances) if game.seats == 2 else None


def _chances(history: History, player: int) -> Sequence[float]:
    cards: list[str] = []
    rounds: list[list[int]] = [[], []]
    for who, action in history:
        if who < 0:
            cards.append(RANKS[action // 2])
        else:
            rounds[len(cards) > 2].append(action)
    where = information(cards[player], cards[2] if len(cards) > 2 else "", rounds)
    return table("arena_games.leduc", 2)[where]
