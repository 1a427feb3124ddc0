"""Writes pictures as a film: H.264 in MP4, one picture after another, so that memory does not grow."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from arena.game import Image


class Mp4:
    """An MP4 file of pictures of one size at a fixed rate."""

    def __init__(self, path: Path, size: tuple[int, int], fps: Fraction, *, between_keys: int, crf: int = 18) -> None:
        """`size`: (height, width). `between_keys`: pictures from one that stands alone to the next.

        `crf` is x264's measure of loss: 0 is none, 18 is hardly seen. Odd sizes get a line or a column of their edge.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = size
        self._pad = ((0, height % 2), (0, width % 2), (0, 0))  # players want even sizes
        self._file = av.open(str(path), "w", options={"movflags": "+faststart"})
        stream = self._file.add_stream("libx264", rate=fps)
        stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
        stream.options = {"crf": str(crf), "g": str(between_keys), "bf": "0", "preset": "medium"}
        stream.codec_context.time_base = 1 / fps
        stream.codec_context.thread_count = 1  # the same pictures give the same bytes
        self._stream = stream
        self.count = 0
        self.size = 0  # bytes that were written, about

    def add(self, picture: Image) -> None:
        """The next picture: uint8 (height, width, 3)."""
        padded = np.pad(picture, self._pad, mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        frame.pts = self.count
        frame.time_base = self._stream.codec_context.time_base
        self._mux(frame)
        self.count += 1

    def close(self) -> None:
        """Writes what is left. Call it once, after the last picture."""
        self._mux(None)
        self._file.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self.size += packet.size
            self._file.mux(packet)
