"""The picture of a hand of Leduc poker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.game import Image
from arena_games.cards import duel

if TYPE_CHECKING:
    from arena_games.leduc.rules import Leduc


def picture(game: Leduc, seat: int | None, height: int, width: int) -> Image:
    """The picture for `seat`, which is at the bottom; with None for a spectator, who sees everything (seat 0 below)."""
    bottom = 0 if seat is None else seat
    table, shown, due = game.table(), game.shown(game.hand), game.due_seat
    players = []
    for turn in range(game.seats):
        at = (bottom + turn) % game.seats
        player = game.player_of(at)
        rank = game.rank(player) if seat is None or at == seat or player in shown else None
        players.append(duel.Player(f"S{at}", rank, table.bets[player], at == due, player in table.folded))
    title = f"Leduc poker, hand {len(game.hands)} of {game.hand_count}"
    return duel.picture(duel.Scene(tuple(players), sum(table.bets), game.board(), title), height, width)
