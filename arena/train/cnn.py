"""A trained policy that sees pictures: a small convolutional network in NumPy. It plays without torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from arena.train.policy import Floats

SMALLEST = 36  # pixels: what KERNELS can look at
KERNELS = ((8, 4), (4, 2), (3, 1))  # (kernel, stride) of the layers that `arena train ppo` makes


def is_picture(shape: tuple[int, ...] | None) -> bool:
    """Whether a vector view of this shape is a stack of pictures (height, width, channels), to be seen by a CNN."""
    return shape is not None and len(shape) == 3 and min(shape[:2]) >= SMALLEST


class Cnn:
    """observation -> logits of every action; float32, ReLU between layers, no padding.

    `convolutions` holds (weight (out, in, kernel, kernel), bias (out,), stride); `layers` as in Mlp, the first of them
    over the last picture's (height, width, channels), flattened in that order. `shape` is (height, width, channels).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        convolutions: list[tuple[Floats, Floats, int]],
        layers: list[tuple[Floats, Floats]],
    ) -> None:
        self.shape = shape
        self.convolutions = convolutions
        self.layers = layers
        self._filters = [
            # As (kernel, kernel, in, out), so that what one filter sees is copied in long pieces.
            (weight.transpose(2, 3, 1, 0).reshape(-1, len(weight)).copy(), bias, weight.shape[-1], stride)
            for weight, bias, stride in convolutions
        ]
        self._transposed = [(np.ascontiguousarray(weight.T), bias) for weight, bias in layers]

    def rows(self, vectors: Floats) -> Floats:
        """Logits (n, actions) of vectors (n, *shape) or (n, their product). Every row is computed alone, in products

        of always the same shapes: its bits do not depend on its companions.
        """
        return np.stack([self._row(row) for row in vectors.reshape(-1, *self.shape)])

    def _row(self, picture: Floats) -> Floats:
        out: Any = picture
        for weight, bias, kernel, stride in self._filters:
            seen = np.lib.stride_tricks.sliding_window_view(out, (kernel, kernel), axis=(0, 1))[::stride, ::stride]
            high, wide = seen.shape[:2]
            out = seen.transpose(0, 1, 3, 4, 2).reshape(high * wide, -1) @ weight + bias
            np.maximum(out, 0, out=out)
            out = out.reshape(high, wide, -1)
        out = out.reshape(1, -1)
        for number, (weight, bias) in enumerate(self._transposed):
            out = out @ weight + bias
            if number < len(self._transposed) - 1:
                np.maximum(out, 0, out=out)
        row: Floats = out[0]
        return row
