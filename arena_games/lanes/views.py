"""The views of a lane: a frame at each size, the grey stack, and all lanes side by side. Made on demand."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from arena.game import Image
from arena_games.cards.text import font

EDGE = 84  # pixels of the grey frame
BACK, LINE = (16, 20, 24), (230, 230, 230)
CAPTION = 22  # pixels below each lane
GUTTER = 6  # pixels between two lanes, at least


class Drawable(Protocol):
    """What a Frame needs of a lane; see `Lane`, which has all of it."""

    def keep(self, snapshot: Any) -> Any: ...

    def draw(self, snapshot: Any) -> Image: ...

    def small(self, snapshot: Any, height: int, width: int) -> Image | None: ...

    def luma(self, snapshot: Any) -> Image | None: ...


class Frame:
    """One moment of a lane; its whole frame is drawn at most once. Of a past moment only the grey one is available."""

    __slots__ = ("_frame", "_grey", "_lane", "_past", "_snapshot")

    def __init__(self, lane: Drawable, snapshot: Any) -> None:
        self._lane = lane
        self._snapshot = snapshot
        self._frame: Image | None = None
        self._grey: Image | None = None
        self._past = False

    @property
    def native(self) -> Image:
        """uint8 (height, width, 3); read-only."""
        if self._past:
            raise RuntimeError("the lane has advanced: only the grey frame of this moment was kept")
        if self._frame is None:
            self._frame = self._lane.draw(self._snapshot)
        return self._frame

    @property
    def grey(self) -> Image:
        """uint8 (84, 84): luma, each pixel the mean of the pixels that it covers."""
        if self._grey is None:
            luma = self._lane.luma(self._snapshot)
            if luma is None:
                frame = self._lane.draw(self._snapshot) if self._past else self.native
                luma = np.asarray(Pillow.fromarray(frame).convert("L"))
            self._grey = _shrink(luma)
        return self._grey

    def pass_by(self) -> None:
        """Called before the lane advances: keep only what the grey frame needs."""
        self._snapshot = None if self._grey is not None else self._lane.keep(self._snapshot)
        self._frame, self._past = None, True

    def fitted(self, height: int, width: int) -> Image:
        """uint8 (height, width, 3): enlarged by whole pixels, reduced by the mean of the pixels that each covers."""
        if self._frame is None and not self._past:
            small = self._lane.small(self._snapshot, height, width)
            if small is not None:
                return small
        native = self.native
        high, wide = native.shape[:2]
        if (high, wide) == (height, width):
            return native.copy()
        up = height >= high and width >= wide
        how = Pillow.Resampling.NEAREST if up else Pillow.Resampling.BOX
        return np.array(Pillow.fromarray(native).resize((width, height), how))


class _Shrink(threading.local):
    """Means over 84x84 cells. It reuses its buffers: allocating new ones took a third of the time."""

    def __init__(self) -> None:
        self._small = np.empty((EDGE, EDGE), np.uint8)
        self._whole = np.empty((0, 0), np.uint8)
        self._to = _lent(self._small)
        self._to.readonly = 0  # writable, so that nothing need be copied out of it
        for value in (1, 0):
            self._to.paste(value, (0, 0, EDGE, EDGE))
            if not (self._small == value).all():
                raise RuntimeError("this Pillow does not write into the memory that a picture was made of")

    def __call__(self, luma: Image) -> Image:
        if luma.shape != self._whole.shape:
            self._whole = np.empty(luma.shape, np.uint8)
            self._from = _lent(self._whole)
        np.copyto(self._whole, luma)
        self._to.paste(self._from.resize((EDGE, EDGE), Pillow.Resampling.BOX))
        return self._small.copy()


def _lent(pixels: Image) -> Pillow.Image:
    """A grey picture that shares its pixels with the array."""
    return Pillow.frombuffer("L", pixels.shape[::-1], pixels, "raw", "L", 0, 1)


_shrink = _Shrink()


def stacked(frames: Sequence[Frame]) -> Image:
    """uint8 (84, 84, number of frames), oldest first."""
    out = np.empty((EDGE, EDGE, len(frames)), np.uint8)
    for at, frame in enumerate(frames):
        out[..., at] = frame.grey
    return out


def pushed(before: Image, frame: Frame) -> Image:
    """The stack of four one decision later, without a loop over the frames: a pixel's four bytes are one number."""
    older = before.view("<u4")[..., 0] >> np.uint32(8)
    older |= frame.grey.astype("<u4") << np.uint32(24)
    return older[..., np.newaxis].view(np.uint8)


def side_by_side(frames: Sequence[Frame], captions: Sequence[str], height: int, width: int) -> Image:
    """Every lane with its caption, as large as all of them fit: uint8 (height, width, 3)."""
    sheet = Pillow.new("RGB", (width, height), BACK)
    pen = ImageDraw.Draw(sheet)
    high, wide = frames[0].native.shape[:2]
    across, scale = _grid(len(frames), high, wide, height, width)
    cell = (max(1, int(wide * scale)), max(1, int(high * scale)))
    down = math.ceil(len(frames) / across)
    left = (width - across * cell[0]) // (across + 1)
    top = max(0, (height - down * (cell[1] + CAPTION)) // (down + 1))
    for number, (frame, caption) in enumerate(zip(frames, captions, strict=True)):
        row, column = divmod(number, across)
        x, y = left + column * (cell[0] + left), top + row * (cell[1] + CAPTION + top)
        how = Pillow.Resampling.NEAREST if scale >= 1 else Pillow.Resampling.BOX
        sheet.paste(Pillow.fromarray(frame.native).resize(cell, how), (x, y))
        pen.text((x + 2, y + cell[1] + 2), _cut(caption, cell[0], pen), LINE, font=font(14))
    return np.array(sheet)


def _cut(caption: str, width: int, pen: ImageDraw.ImageDraw) -> str:
    """As many parts of the caption (three spaces apart) as fit, the first at least."""
    parts = caption.split("   ")
    while len(parts) > 1 and pen.textlength("   ".join(parts), font=font(14)) > width:
        parts.pop()
    return "   ".join(parts)


def _grid(count: int, high: int, wide: int, height: int, width: int) -> tuple[int, float]:
    """(lanes in a row, scale) that show `count` frames largest."""
    best = (1, 0.0)
    for across in range(1, count + 1):
        down = math.ceil(count / across)
        scale = min(max(1, width / across - GUTTER) / wide, max(1, height / down - CAPTION) / high)
        if scale > best[1]:
            best = (across, scale)
    return best
