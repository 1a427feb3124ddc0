"""Exact numbers of Kuhn poker for two."""

from __future__ import annotations

from collections.abc import Sequence

from arena_games.cards.exact import ExactCards, History
from arena_games.cards.lessons import table
from arena_games.cards.ranks import RANKS
from arena_games.kuhn.rules import Kuhn
from arena_games.kuhn.teacher import information


def exact(game: Kuhn) -> ExactCards | None:
    """None for more than two seats. Luck is measured by the shipped equilibrium."""
    return ExactCards(game, _chances) if game.seats == 2 else None


def _chances(history: History, player: int) -> Sequence[float]:
    cards = [outcome for who, outcome in history if who < 0]
    where = information(RANKS[cards[player]], [action for who, action in history if who >= 0])
    return table("arena_games.kuhn", 2)[where]
