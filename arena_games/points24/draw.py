"""The picture of cards and the formula over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.game import Image
from arena_games.puzzles.draw import array, cards, ground, line

if TYPE_CHECKING:
    from arena_games.points24.rules import Formula

COLUMNS = 8  # symbols of a line


def picture(puzzle: Formula, height: int, width: int) -> Image:
    """Cards in the upper part, the formula under them: each symbol has its own place, in up to three lines of eight."""
    out, unit = ground(height, width), min(height, width) / 128
    line(out, f"make {puzzle.target}", width / 2, 11 * unit, 11 * unit, "#d7e6dc")
    cards(out, puzzle.cards, width / 2, 0.4 * height, 0.9 * width, 0.44 * height)
    written = [*puzzle.tokens, *(["="] if puzzle.over and len(puzzle.tokens) < puzzle.length else [])]
    for at, symbol in enumerate(written):
        x, y = place(at, height, width)
        line(out, symbol, x, y, 12 * unit, "#ffd34d")
    if not written:
        line(out, "no formula yet", width / 2, place(0, height, width)[1], 12 * unit, "#d7e6dc")
    return array(out)


def place(at: int, height: int, width: int) -> tuple[float, float]:
    """The middle of the symbol `at` of a formula, from 0, as (x, y) in pixels."""
    row, column = divmod(at, COLUMNS)
    unit = min(height, width) / 128
    return width / 2 + (16 * column - 56) * unit, height - (40 - 16 * row) * unit
