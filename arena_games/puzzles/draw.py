"""Pictures of puzzles: cards in a row, lines of text under them, several seats side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

from arena.game import Image as Pixels
from arena_games.cards.faces import card_back, card_face, card_width
from arena_games.cards.paste import put
from arena_games.cards.table import felt
from arena_games.cards.text import text

T = TypeVar("T")
GAP = 0.04  # between cards, as a part of the width


def cards(out: Image.Image, names: Sequence[str | None], x: float, y: float, width: float, most: float) -> None:
    """Cards in a row with its middle at (x, y), at most `width` wide and `most` high; None is a card's back."""
    gap = GAP * out.width
    high = int(min(most, ((width - gap * (len(names) - 1)) / len(names)) / 0.7))
    step = card_width(high) + gap
    for at, name in enumerate(names):
        sprite = card_back(high) if name is None else card_face(name, high)
        put(out, sprite, x + (at - (len(names) - 1) / 2) * step, y)


def line(out: Image.Image, string: str, x: float, y: float, size: float, colour: str = "#ffffff") -> None:
    """Text with its middle at (x, y), made smaller where it is wider than the picture."""
    sprite = text(string, round(size), colour, True)
    if sprite.width > 0.94 * out.width:
        sprite = text(string, max(6, math.floor(size * 0.94 * out.width / sprite.width)), colour, True)
    put(out, sprite, x, y)


def ground(height: int, width: int) -> Image.Image:
    """A fresh piece of cloth."""
    return felt(height, width).copy()


def array(picture: Image.Image) -> Pixels:
    """uint8 (height, width, 3)."""
    return np.array(picture)


def side_by_side(puzzles: Sequence[T], picture: Callable[[T, int, int], Pixels], height: int, width: int) -> Pixels:
    """The pictures of all seats in a grid, uint8 (height, width, 3)."""
    columns = max(1, min(len(puzzles), round(math.sqrt(len(puzzles) * width / height))))
    rows = math.ceil(len(puzzles) / columns)
    high, wide = height // rows, width // columns
    out = np.full((height, width, 3), 24, np.uint8)
    for at, puzzle in enumerate(puzzles):
        top, left = at // columns * high, at % columns * wide
        out[top : top + high, left : left + wide] = picture(puzzle, high, wide)
    return out
