"""The networks of trained policies in NumPy: an MLP and a small CNN. Playing needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
SMALLEST = 36  # least edge in pixels for KERNELS
KERNELS = ((8, 4), (4, 2), (3, 1))  # (kernel, stride) of the layers that `arena train ppo` makes
STRIDES = tuple(stride for _, stride in KERNELS)
PARTS = ("weight", "bias")


def is_picture(shape: tuple[int, ...] | None) -> bool:
    """Whether a vector view of this shape is a stack of pictures (height, width, channels), to be seen by a CNN."""
    return shape is not None and len(shape) == 3 and min(shape[:2]) >= SMALLEST


class Mlp:
    """observation -> logits of every action; float32, ReLU between layers.

    `layers` holds (weight (out, in), bias (out,)) from the observation to the logits.
    """

    def __init__(self, layers: list[tuple[Floats, Floats]]) -> None:
        self.layers = layers
        self._transposed = [(np.ascontiguousarray(weight.T), bias) for weight, bias in layers]

    def batch(self, vectors: Floats) -> Floats:
        """Logits (n, actions) of vectors (n, in), by one product for each layer: fast, but its bits depend on n."""
        out = vectors
        for number, (weight, bias) in enumerate(self._transposed):
            out = out @ weight + bias
            if number < len(self._transposed) - 1:
                np.maximum(out, 0, out=out)
        return out

    def rows(self, vectors: Floats) -> Floats:
        """As `batch`, but every row is a product by itself, of a fixed shape: its bits do not depend on other rows."""
        return self.batch(vectors[:, None, :])[:, 0, :]


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

    batch = rows

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


Net = Mlp | Cnn


def tensors_of(net: Net) -> dict[str, Floats]:
    """Weights and biases by name: convolutions.0.weight, convolutions.0.bias, ..., layers.0.weight, ..."""
    convolutions = [] if isinstance(net, Mlp) else net.convolutions
    named = [(f"convolutions.{i}", weight, bias) for i, (weight, bias, _) in enumerate(convolutions)]
    named += [(f"layers.{i}", weight, bias) for i, (weight, bias) in enumerate(net.layers)]
    return {f"{name}.{part}": array for name, *pair in named for part, array in zip(PARTS, pair, strict=True)}


def net_of(tensors: Mapping[str, Floats], shape: tuple[int, ...], strides: Sequence[int] = STRIDES) -> Net:
    """The inverse of `tensors_of`. `shape` is that of the vector view; `strides` those of the convolutions, if any."""

    def pairs(kind: str) -> list[tuple[Floats, Floats]]:
        count = sum(name.startswith(f"{kind}.") for name in tensors) // len(PARTS)
        return [(tensors[f"{kind}.{i}.weight"], tensors[f"{kind}.{i}.bias"]) for i in range(count)]

    convolutions = pairs("convolutions")
    if not convolutions:
        return Mlp(pairs("layers"))
    return Cnn(shape, [(*pair, stride) for pair, stride in zip(convolutions, strides, strict=True)], pairs("layers"))


def probabilities(logits: npt.NDArray[np.floating[Any]], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Softmax over the legal actions: (n, actions) from logits and mask of that shape; 0 where illegal."""
    masked = np.where(mask, logits.astype(np.float64), -np.inf)
    odds: npt.NDArray[np.float64] = np.exp(masked - masked.max(axis=-1, keepdims=True))
    out: npt.NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
    return out


def sample(chances: npt.NDArray[np.float64], uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The inverse of the cumulative distribution: one action a row of (n, actions), from uniform (n,) in [0, 1)."""
    heights = np.cumsum(chances, axis=-1)
    picked = (heights <= uniform[:, None] * heights[:, -1:]).sum(axis=-1)
    last = chances.shape[-1] - 1 - (chances[:, ::-1] > 0).argmax(axis=-1)  # rounding must not exceed it
    out: npt.NDArray[np.int64] = np.minimum(picked, last)
    return out
