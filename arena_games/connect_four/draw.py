"""The picture of a connect four board: a blue rack with round holes, red and yellow discs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from arena.game import Image as Pixels
from arena_games.cards.paste import put
from arena_games.cards.text import text

if TYPE_CHECKING:
    from arena_games.connect_four.rules import ConnectFour

COLUMNS, ROWS = 7, 6
BACK, RACK, EDGE, HOLE = "#10151f", "#1f4fb5", "#173c8a", "#0c1830"
FILLS = ("#e23a3a", "#f6cf3c")  # by seat
RIMS = ("#9c1c22", "#b88a12")
FINE = 4  # sprites are drawn this much larger and reduced


def picture(game: ConnectFour, seat: int | None, height: int, width: int) -> Pixels:
    """uint8 (height, width, 3), a new array. The bar on top has the colour of `seat`, or of the one who is due."""
    cell, left, top = _layout(height, width)
    own = game.due_seat if seat is None else seat
    out = _rack(height, width).copy()
    pen = ImageDraw.Draw(out)
    bar = max(2, top // 3)
    if own is not None:
        pen.rectangle((left, bar, left + COLUMNS * cell - 1, 2 * bar - 1), fill=FILLS[own])
    log = game.hand.log
    heights = [0] * COLUMNS
    marked = set(game.line()) if game.hand.over else set()
    for number, (player, column) in enumerate(log):
        place = (column, heights[column])
        heights[column] += 1
        x, y = left + column * cell, top + (ROWS - 1 - place[1]) * cell
        out.paste(_disc(player, cell, number == len(log) - 1 or place in marked), (x, y))
    return np.array(out)


def _layout(height: int, width: int) -> tuple[int, int, int]:
    """Pixels of a cell's side, and of the rack's left and top."""
    cell = min(width * 32 // (33 * COLUMNS), height * 10 // (11 * ROWS + 5))
    left = (width - COLUMNS * cell) // 2
    spare = height - ROWS * cell
    return cell, left, spare // 2


@lru_cache(maxsize=16)
def _rack(height: int, width: int) -> Image.Image:
    cell, left, top = _layout(height, width)
    out = Image.new("RGB", (width, height), BACK)
    for column in range(COLUMNS):
        for row in range(ROWS):
            out.paste(_disc(None, cell, False), (left + column * cell, top + row * cell))
        size = min(cell * 6 // 10, max(6, (height - top - ROWS * cell) * 8 // 10))
        name = text(str(column + 1), size, "#c8d2e4", True)
        put(out, name, left + (column + 0.5) * cell, (height + top + ROWS * cell) / 2)
    return out


@lru_cache(maxsize=64)
def _disc(seat: int | None, cell: int, marked: bool) -> Image.Image:
    """RGB sprite of one cell of the rack: a hole, or a disc; a marked disc (the last one, or of a line) has a dot."""
    size = cell * FINE
    out = Image.new("RGB", (size, size), RACK)
    pen = ImageDraw.Draw(out)
    gap = size // 12

    def circle(inset: float, fill: str) -> None:
        pen.ellipse((inset, inset, size - 1 - inset, size - 1 - inset), fill=fill)

    circle(gap * 0.5, EDGE)
    circle(gap, HOLE if seat is None else RIMS[seat])
    if seat is not None:
        circle(gap * 1.7, FILLS[seat])
        circle(gap * 3.4, RIMS[seat])
        circle(gap * 3.9, FILLS[seat])
        if marked:
            circle(gap * 4.4, "#ffffff")
    return out.resize((cell, cell), Image.Resampling.LANCZOS)
