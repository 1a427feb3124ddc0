"""The small square picture for small models: every element has a fixed place, cards are as large as they fit.

The grid has 128 units: the other seats in a row at the top, the board in the middle, the viewer's cards at
the bottom between the pot and the amount to call.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from arena_games.cards.faces import card_back, card_face, card_width
from arena_games.cards.paste import dim, put
from arena_games.cards.table import chip, dealer_button, felt, plate
from arena_games.cards.text import text

if TYPE_CHECKING:
    from arena_games.holdem.picture import SeatView, TableView

CARD, SMALL_CARD = 33, 17  # heights in units
SLOTS = 5
GOLD, PALE, GREY = "#ffd84a", "#e9f4ea", "#9fb8a8"


@lru_cache(maxsize=8)
def _background(side: int) -> Image.Image:
    """Felt with the five places of the board."""
    out = felt(side, side).copy()
    unit = side / 128
    pen = ImageDraw.Draw(out)
    height = round(CARD * unit)
    for slot in range(SLOTS):
        left, top = round((2 + 25.2 * slot) * unit), round(46 * unit)
        box = (left, top, left + card_width(height) - 1, top + height - 1)
        pen.rounded_rectangle(box, round(3 * unit), outline="#4f8f6d", width=max(1, round(unit * 0.8)))
    return out


@lru_cache(maxsize=512)
def _face(name: str, height: int, faded: bool) -> Image.Image:
    sprite = card_face(name, height) if name else card_back(height)
    return dim(sprite, 0.45) if faded else sprite


def draw(view: TableView, side: int) -> Image.Image:
    """RGB picture (side, side)."""
    unit = side / 128
    out = _background(side).copy()
    others = view.seats[1:]
    for place, seat in enumerate(others):
        _other(out, seat, (64 + (place - (len(others) - 1) / 2) * 25.2) * unit, unit)
    height = round(CARD * unit)
    for slot, name in enumerate(view.board):
        put(out, card_face(name, height), round((2 + 25.2 * slot) * unit), round(46 * unit), "lt")
    me = view.seats[0]
    for place, name in enumerate(me.cards):
        put(out, _face(name, height, me.folded), round((39.5 + 25.5 * place) * unit), round(92.5 * unit), "lt")
    small, large = round(9 * unit), round(13 * unit)
    put(out, text("pot", small, GREY), 19 * unit, 99 * unit)
    put(out, text(str(view.pot), large, PALE, True), 19 * unit, 111 * unit)
    put(out, text("call", small, GREY), 109 * unit, 99 * unit)
    put(out, text(str(view.to_call), large, GOLD if view.to_call else PALE, True), 109 * unit, 111 * unit)
    _bet(out, me, 64 * unit, 86 * unit, unit)
    if me.button:
        put(out, dealer_button(round(11 * unit)), 32 * unit, 86 * unit)
    if me.active:
        bar = plate(max(2, round(2 * unit)), round(49 * unit), GOLD, GOLD)
        put(out, bar, 64 * unit, 127 * unit)
    return out


def _other(out: Image.Image, seat: SeatView, x: float, unit: float) -> None:
    if seat.active:
        put(out, plate(round(41 * unit), round(25 * unit), "#0b2a1f", GOLD), x, 1 * unit, "mt")
    height = round(SMALL_CARD * unit)
    for place, name in enumerate(seat.cards):
        put(out, _face(name, height, seat.folded), x + (place * 11.5 - 5.7) * unit, 3 * unit, "mt")
    if not seat.cards:
        put(out, text("fold", round(9 * unit), GREY), x, 11 * unit)
    put(out, text(str(seat.seat), round(9 * unit), GREY if seat.folded else PALE, True), x - 6 * unit, 26 * unit)
    if seat.button:
        put(out, dealer_button(round(11 * unit)), x + 5 * unit, 26 * unit)
    _bet(out, seat, x, 36.5 * unit, unit)


def _bet(out: Image.Image, seat: SeatView, x: float, y: float, unit: float) -> None:
    if not seat.bet:
        return
    put(out, chip(round(8 * unit), "#c8202f"), x - 8 * unit, y)
    put(out, text(str(seat.bet), round(10 * unit), GOLD, True), x + 4.5 * unit, y)
