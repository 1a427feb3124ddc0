"""Which colour a line of pixels has, in a word: what tells patches apart for whoever speaks of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arena.game import Image

GRAY = "gray"
# By where they end on the circle of hues, in degrees; what is beyond the last is the first again.
HUES = (("red", 14), ("brown", 40), ("yellow", 70), ("green", 160), ("cyan", 205), ("blue", 258), ("purple", 330))
SHARE = 4  # a colour names a line of which it is at least such a part: the largest one, else it is gray


def colour(line: Image) -> str:
    """Of pixels uint8 (..., 3): the most common colour that is not gray, if a quarter of them or more have it."""
    named = _colours(line.reshape(-1, 3).astype(np.int64))
    counts = np.bincount(named, minlength=len(HUES) + 1)
    best = int(np.argmax(counts[:-1]))
    return HUES[best][0] if SHARE * counts[best] >= len(named) else GRAY


def _colours(pixels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """By pixel the place in HUES, or len(HUES) for gray: where the parts of a pixel differ little."""
    most, least = pixels.max(1), pixels.min(1)
    spread = most - least
    red, green, blue = pixels.T
    ways = (most == red, most == green)
    turn = np.select(ways, (green - blue, blue - red), red - green) / np.maximum(spread, 1)
    hue = (np.select(ways, (0, 2), 4) + turn) % 6 * 60
    place = np.searchsorted([end for _, end in HUES], hue, side="right") % len(HUES)
    return np.where(4 * spread < most + 40, len(HUES), place)
