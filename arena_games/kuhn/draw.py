"""The picture of a hand of Kuhn poker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.game import Image
from arena_games.cards import duel

if TYPE_CHECKING:
    from arena_games.kuhn.rules import Kuhn


def picture(game: Kuhn, seat: int | None, height: int, width: int) -> Image:
    """The picture for `seat`, which is at the bottom; with None for a spectator, who sees everything (seat 0 below)."""
    bottom = 0 if seat is None else seat
    bets, shown, due, facing = game.bets(), game.shown(game.hand), game.due_seat, False
    folded = set()
    for player, action in game.hand.actions():
        if action:
            facing = True
        elif facing:
            folded.add(player)
    players = []
    for turn in range(game.seats):
        at = (bottom + turn) % game.seats
        player = game.player_of(at)
        seen = seat is None or at == seat or player in shown
        rank = game.rank(player) if seen else None
        players.append(duel.Player(f"S{at}", rank, bets[player], at == due, player in folded))
    title = f"Kuhn poker, hand {len(game.hands)} of {game.hand_count}"
    return duel.picture(duel.Scene(tuple(players), sum(bets), None, title), height, width)
