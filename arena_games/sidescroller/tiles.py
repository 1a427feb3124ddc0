"""The tiles and enemies of a level, and the memory layout of its grid."""

from __future__ import annotations

import enum

TILE = 16  # pixels
ROWS = 15  # visible rows, from the top
UNIT = 256  # units in a pixel: every position and speed is a whole number of units
SHIFT = 12  # unit -> tile
# A column is 32 cells, so that places above and below the picture need no test; row 0 is cell 8.
STRIDE, ABOVE = 5, 8
COLUMN = 1 << STRIDE


class Tile(enum.IntEnum):
    AIR = 0
    COIN = 1
    POLE = 2  # of the flag: marks the goal; it is not solid
    GROUND = 16  # from here on solid
    BRICK = 17
    BOX = 18  # holds a coin
    STONE = 19
    PIPE = 20


SOLID = int(Tile.GROUND)


class Kind(enum.IntEnum):
    """Enemies."""

    BEETLE = 0  # walks, falls off edges
    SNAIL = 1  # walks, turns at edges
    FROG = 2  # hops
    URCHIN = 3  # turns at edges, cannot be stomped


def cell(column: int, row: int) -> int:
    """The index of a tile in a level's bytes."""
    return (column << STRIDE) + row + ABOVE
