"""The picture of cards and the formula over them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from arena.game import Image
from arena_games.puzzles.draw import array, cards, ground, line

if TYPE_CHECKING:
    from arena_games.points24.rules import Formula

MOST = 16  # characters of a line of the formula


def picture(puzzle: Formula, height: int, width: int) -> Image:
    """Cards in the upper part, the formula under them, in up to three lines."""
    out, unit = ground(height, width), min(height, width) / 128
    line(out, f"make {puzzle.target}", width / 2, 11 * unit, 11 * unit, "#d7e6dc")
    cards(out, puzzle.cards, width / 2, 0.4 * height, 0.9 * width, 0.44 * height)
    written = textwrap.wrap(puzzle.shown, MOST) or ["no formula yet"]
    for at, part in enumerate(written):
        end = " =" if puzzle.over and at == len(written) - 1 else ""
        y = height - (14 * (len(written) - at) - 6) * unit
        line(out, part + end, width / 2, y, 12 * unit, "#ffd34d" if puzzle.tokens else "#d7e6dc")
    return array(out)
