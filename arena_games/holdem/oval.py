"""The large picture for people: seats round an oval table, chips, the button, whose turn it is."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image

from arena_games.cards.faces import card_back, card_face, card_width
from arena_games.cards.paste import dim, put, soft_shadow
from arena_games.cards.table import chip_stack, dealer_button, oval_table, plate
from arena_games.cards.text import text

if TYPE_CHECKING:
    from arena_games.holdem.picture import SeatView, TableView

GOLD, PALE, GREY, GREEN, RED = "#ffd84a", "#f2f4f0", "#a8b0ba", "#7ee08f", "#ff8f85"


class Layout:
    """Sizes and places for one picture size, all derived from height and width."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.card = round(min(height * 0.178, width * 0.144))  # height of a card on the board
        self.hole = round(self.card * 1.12)
        self.mini = round(self.card * 0.66)
        self.line = max(9, round(self.card * 0.17))  # height of text
        self.plate = (round(self.line * 2.75), round(min(width * 0.215, self.line * 8.6)))
        side, top = round(width * 0.055), round(height * 0.155)
        self.box = (side, top, width - side, height - round(height * 0.15))
        self.centre = ((self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2)
        self.half = ((self.box[2] - self.box[0]) / 2, (self.box[3] - self.box[1]) / 2)

    def place(self, relative: int, seats: int, share: tuple[float, float]) -> tuple[float, float]:
        """A point on an ellipse round the table's centre; relative seat 0 is at the bottom, the rest clockwise."""
        angle = math.pi / 2 + 2 * math.pi * relative / seats
        x = self.centre[0] + self.half[0] * share[0] * math.cos(angle)
        y = self.centre[1] + self.half[1] * share[1] * math.sin(angle)
        return x, y


@lru_cache(maxsize=8)
def _layout(height: int, width: int) -> Layout:
    return Layout(height, width)


@lru_cache(maxsize=512)
def _shadowed(name: str, height: int, faded: bool) -> Image.Image:
    """A card with a soft shadow below it."""
    face = card_face(name, height) if name else card_back(height)
    blur = max(2, height // 16)
    out = Image.new("RGBA", (face.width + 2 * blur, height + 2 * blur), "#00000000")
    put(out, soft_shadow(height, face.width, round(height * 0.085), blur), 0, blur // 2, "lt")
    out.alpha_composite(face, (blur, blur))
    return dim(out, 0.4) if faded else out


def draw(view: TableView, height: int, width: int) -> Image.Image:
    """RGB picture (height, width)."""
    at = _layout(height, width)
    out = oval_table(height, width, at.box).copy()
    _board(out, view, at)
    count = len(view.seats)
    for relative, seat in enumerate(view.seats):
        _bet(out, seat, at, relative, count)
    for relative, seat in enumerate(view.seats):
        _seat(out, seat, at, relative, count, view.own)
    margin = at.line * 0.7
    put(out, text(f"Hand {view.hand} of {view.hands}", at.line, GREY), margin, margin, "lt")
    put(out, text(view.round, at.line, PALE, True), margin, margin + at.line * 1.35, "lt")
    if view.to_call:
        put(out, text(f"{view.to_call} to call", at.line, GOLD, True), width - margin, margin, "rt")
    return out


def _board(out: Image.Image, view: TableView, at: Layout) -> None:
    x, y = at.centre[0], at.centre[1] - at.half[1] * 0.1
    pitch = card_width(at.card) + max(3, at.card // 14)
    for slot in range(5):
        left = x + (slot - 2) * pitch
        if slot < len(view.board):
            put(out, _shadowed(view.board[slot], at.card, False), left, y)
        else:
            put(out, plate(at.card, card_width(at.card), "#00000014", "#cfe8d440", 0.085), left, y)
    label = text(f"Pot {view.pot}", round(at.line * 1.15), PALE, True)
    back = plate(round(at.line * 1.8), label.width + round(at.line * 1.6), "#08221899", "#08221800")
    low = y + at.card / 2 + at.line * 1.25
    put(out, back, x, low)
    put(out, label, x, low)


def _plate_at(at: Layout, relative: int, count: int) -> tuple[float, float]:
    """The middle of a seat's name plate; its cards stand above it."""
    high, wide = at.plate
    if relative == 0:
        return at.centre[0], at.height - high / 2 - at.line * 0.7
    x, y = at.place(relative, count, (1.0, 1.0))
    return min(max(x, wide / 2 + 6), at.width - wide / 2 - 6), max(y, high / 2 + at.mini * 0.86 + 4)


def _bet_at(at: Layout, relative: int, count: int) -> tuple[float, float]:
    """Where a seat's bet lies: between its plate and the board, beside both."""
    if relative == 0:
        return at.centre[0] + at.hole * 1.15, at.centre[1] + at.half[1] * 0.62
    across = abs(math.cos(math.pi / 2 + 2 * math.pi * relative / count))
    square = at.width < at.height * 1.3
    if across < 0.2:  # opposite
        return at.place(relative, count, (0.62, 0.58))
    if square and across > 0.94:  # beside the board, where there is no room
        x, y = _plate_at(at, relative, count)
        return x + at.line * (1.2 if x < at.centre[0] else -1.2), y + at.plate[0] * 1.25
    if not square:
        return at.place(relative, count, (0.62, 0.58))
    return at.place(relative, count, (0.5, 0.86) if across > 0.7 else (0.6, 0.66))


def _bet(out: Image.Image, seat: SeatView, at: Layout, relative: int, count: int) -> None:
    if seat.bet:
        x, y = _bet_at(at, relative, count)
        stack = chip_stack(seat.bet, round(at.line * 1.7))
        put(out, stack, x, y + at.line * 0.8, "mb")
        put(out, text(str(seat.bet), at.line, GOLD, True), x + stack.width * 0.62, y + at.line * 0.1, "lm")
    if seat.button:
        x, y = _plate_at(at, relative, count)
        high, wide = at.plate
        if relative == 0:
            x, y = at.centre[0] - at.hole * 1.15, at.centre[1] + at.half[1] * 0.66
        elif abs(x - at.centre[0]) < wide:
            x += wide / 2 + at.line * 1.4
        else:
            side = 1 if x < at.centre[0] else -1
            x, y = x + side * (wide / 2 - at.line * 0.95), y - high / 2 - at.line * 1.0
        put(out, dealer_button(round(at.line * 1.7)), x, y)


def _seat(out: Image.Image, seat: SeatView, at: Layout, relative: int, count: int, own: bool) -> None:
    x, y = _plate_at(at, relative, count)
    high, wide = at.plate
    size = at.hole if relative == 0 else at.mini
    pitch = card_width(size) * (1.06 if seat.cards and seat.cards[0] else 0.62)
    for place, name in enumerate(seat.cards):
        left = x + (place - 0.5) * pitch
        put(out, _shadowed(name, size, seat.folded), left, y - high / 2 - size * (0.47 if name else 0.34))
    fill, edge = ("#2b2a14f5", GOLD) if seat.active else ("#12151deb", "#4c5666")
    put(out, plate(high, wide, fill, edge), x, y)
    inset = wide / 2 - at.line * 0.75
    title = "You" if own and relative == 0 else f"Seat {seat.seat}"
    put(out, text(title, at.line, GREY if seat.folded else PALE, True), x - inset, y - at.line * 0.48, "lm")
    if seat.net:
        colour = GREEN if seat.net > 0 else RED
        put(out, text(f"{seat.net:+d}", at.line, colour, True), x + inset, y - at.line * 0.48, "rm")
    word = "to act" if seat.active else seat.word
    if word:
        size = max(8, round(at.line * 0.88))
        put(out, text(word, size, GOLD if seat.active else GREY), x - inset, y + at.line * 0.7, "lm")
