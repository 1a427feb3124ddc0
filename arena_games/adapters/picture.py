"""Pictures for spectators: a plain picture of text, and any picture at any size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from arena.game import Image as Frame
from arena_games.cards.text import font

PAPER, INK = "#15181f", "#e8e4d8"
LARGEST = 28  # largest font size in pixels, also for a short text


def of_text(text: str, height: int, width: int) -> Frame:
    """`text` on dark paper, each character in a cell of its own so that columns line up: uint8 (height, width, 3).

    The text is drawn as large as it fits; what does not fit at the smallest size is cut off.
    """
    lines = [line.expandtabs(4) for line in text.splitlines()] or [""]
    columns = max(1, *(len(line) for line in lines))
    size = LARGEST
    while size > 6 and (_cell(size)[0] * columns > width - 8 or _cell(size)[1] * len(lines) > height - 8):
        size -= 1
    across, down = _cell(size)
    out = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(out)
    face = font(size)
    for row, line in enumerate(lines[: max(1, height // down)]):
        for column, char in enumerate(line[: max(1, width // across)]):
            if not char.isspace():
                pen.text((4 + (column + 0.5) * across, 4 + row * down), char, font=face, fill=INK, anchor="ma")
    return np.asarray(out, np.uint8).copy()


def _cell(size: int) -> tuple[int, int]:
    """(width, height) in pixels of one character; the font is proportional, so its widest usual one counts."""
    return max(1, round(size * 0.72)), max(1, round(size * 1.25))


def fitted(frame: npt.NDArray[np.uint8], height: int, width: int) -> Frame:
    """`frame` scaled to fit, with its proportions kept, centred on a dark field: uint8 (height, width, 3)."""
    colours = frame if frame.ndim == 3 else frame[..., None]
    colours = np.repeat(colours, 3, axis=2) if colours.shape[2] == 1 else colours[..., :3]
    picture = Image.fromarray(np.ascontiguousarray(colours, np.uint8), "RGB")
    scale = min(width / picture.width, height / picture.height)
    inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    resample = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
    out = Image.new("RGB", (width, height), PAPER)
    out.paste(picture.resize(inner, resample), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return np.asarray(out, np.uint8).copy()
