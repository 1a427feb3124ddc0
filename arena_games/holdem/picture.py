"""Pictures of the table for one seat or for a spectator: chooses the layout and what each seat shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from arena.game import Image
from arena_games.cards.codes import code
from arena_games.holdem.ledger import ROUNDS

if TYPE_CHECKING:
    from arena_games.holdem.rules import Holdem

OVAL_FROM = 300  # pixels: below this height or width the compact layout is drawn


@dataclass(frozen=True, slots=True)
class SeatView:
    """The visible state of one seat."""

    seat: int
    cards: tuple[str, ...]  # codes; empty strings are backs; no cards at all when folded
    bet: int
    folded: bool
    active: bool
    button: bool
    word: str  # what it did last in this round
    net: int  # chips won before this hand


@dataclass(frozen=True, slots=True)
class TableView:
    """The content of a picture. The seat that it is drawn for knows everything in it."""

    seats: tuple[SeatView, ...]  # clockwise from the one at the bottom
    own: bool  # the bottom seat is the viewer's
    board: tuple[str, ...]
    pot: int
    to_call: int  # of the viewer, or for a spectator of the seat in turn
    round: str
    hand: int
    hands: int


def table_view(game: Holdem, viewer: int | None) -> TableView:
    """The content of the picture for a seat, or with None for a spectator, who sees every card."""
    ledger = game.ledger
    bottom = 0 if viewer is None else viewer
    last = {said.player: said.word for said in ledger.log if said.round == ledger.round}
    if ledger.round == 0:
        small, big = (1, 0) if game.seats == 2 else (0, 1)
        last = {small: "small blind", big: "big blind"} | last
    due = game.due_seat
    shows = []
    for relative in range(game.seats):
        seat = (bottom + relative) % game.seats
        player = game.player_of(seat)
        folded = ledger.folded[player]
        cards: tuple[str, ...] = ("", "")
        if game.visible(viewer, seat):
            cards = tuple(code(card) for card in game.hole(seat))
        elif folded:
            cards = ()
        shows.append(
            SeatView(
                seat,
                cards,
                ledger.bets[player],
                folded,
                seat == due,
                player == game.seats - 1,
                "folded" if folded else last.get(player, ""),
                round(game.totals[seat]),
            )
        )
    asked = viewer if viewer is not None else due
    return TableView(
        tuple(shows),
        viewer is not None,
        tuple(map(code, game.board())),
        ledger.pot,
        0 if asked is None else ledger.to_call(game.player_of(asked)),
        ROUNDS[ledger.round],
        len(game.hands),
        game.hand_count,
    )


def draw(game: Holdem, viewer: int | None, height: int, width: int) -> Image:
    """uint8 (height, width, 3), a new array."""
    from arena_games.holdem import compact, oval

    seen = table_view(game, viewer)
    if min(height, width) >= OVAL_FROM:
        return np.array(oval.draw(seen, height, width))
    side = min(height, width)
    square = compact.draw(seen, side)
    if height == width:
        return np.array(square)
    out = Pillow.new("RGB", (width, height), "#0e3a2a")
    out.paste(square, ((width - side) // 2, (height - side) // 2))
    return np.array(out)
