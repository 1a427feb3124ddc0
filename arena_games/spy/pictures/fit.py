"""Pictures of any shape in those that seats are shown."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

from arena.game import Image

BLANK = 128  # the grey of a blank picture, and beside one of another shape


def fitted(picture: Image, height: int, width: int) -> Image:
    """The whole picture in one of uint8 (height, width, 3), with grey beside it where the shapes differ."""
    high, wide = picture.shape[:2]
    if (high, wide) == (height, width):
        return picture.copy()
    scale = min(height / high, width / wide)
    inner = max(1, round(wide * scale)), max(1, round(high * scale))
    kind = Pillow.Resampling.BOX if scale < 1 else Pillow.Resampling.BILINEAR
    out = Pillow.new("RGB", (width, height), (BLANK,) * 3)
    out.paste(Pillow.fromarray(picture).resize(inner, kind), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return np.array(out)
