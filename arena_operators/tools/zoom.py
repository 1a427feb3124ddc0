"""`zoom`: a part of the seat's own picture, enlarged. It shows no pixel that the seat was not given."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np

from arena.game import Image
from arena.tool import ToolContext, repeatable

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Region = Annotated[list[Percent], msgspec.Meta(min_length=4, max_length=4)]


@repeatable
def zoom(region: Region, context: ToolContext) -> Image:
    """Shows a part of your picture enlarged. The region is [left, top, right, bottom] in percent of its width and
    height: [0, 0, 50, 50] is the upper left quarter.
    """
    if context.picture is None:
        raise ValueError("there is no picture in this turn")
    left, top, right, bottom = region
    if left >= right or top >= bottom:
        raise ValueError("expected left < right and top < bottom, in percent")
    height, width = context.picture.shape[:2]
    part = context.picture[slice(*_pixels(top, bottom, height)), slice(*_pixels(left, right, width))]
    return _enlarged(part, height, width)


def _pixels(low: float, high: float, size: int) -> tuple[int, int]:
    """The pixels that a part of an edge touches: at least one."""
    start = min(math.floor(low * size / 100), size - 1)
    return start, max(start + 1, min(math.ceil(high * size / 100), size))


def _enlarged(part: Image, height: int, width: int) -> Image:
    """Each pixel repeated as often as it fits, in the middle of a black picture of this size: models take that size."""
    times = min(height // part.shape[0], width // part.shape[1])
    large = part.repeat(times, axis=0).repeat(times, axis=1)
    out = np.zeros((height, width, 3), np.uint8)
    top, left = (height - large.shape[0]) // 2, (width - large.shape[1]) // 2
    out[top : top + large.shape[0], left : left + large.shape[1]] = large
    return out
