"""Products of rows with weight matrices that give a row the same bits whatever the number of rows.

oneDNN's do, over weights laid out for it. Those are private functions of torch: whether they are there, give the
product and give equal bits is tried first, with this torch and on this machine; else products are of `TILE` rows each.
(Products of other shapes add in another order, so their last bits may differ.)
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

TILE = 8
STEP = 32  # rows: products of many are of multiples of it
FEW, MANY = 64, 512  # rows of a product, with a large and with a small matrix
LARGE = 1 << 20  # elements of a matrix whose trial would take long
# Numbers of rows that are tried. Others are filled up with zeros to the next one.
SMALL_SIZES = (*range(1, FEW), *range(FEW, MANY + 1, STEP))
LARGE_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, FEW)
MISSING = (AttributeError, RuntimeError, TypeError)  # what torch raises for functions that it has not, or has otherwise
Activation = Literal["none", "gelu", "gelu_tanh"]
_FUSED: dict[Activation, tuple[str, str]] = {  # oneDNN's names
    "none": ("none", ""),
    "gelu": ("gelu", "none"),
    "gelu_tanh": ("gelu", "tanh"),
}

# By shape, type and torch's threads: whether bits are equal in this process. For every copy of a model, and each update
# of its weights, trials would take longer than all else.
_TRIED: dict[tuple[int, int, torch.dtype, int], bool] = {}


class Weight:
    """A matrix (out, in), with a bias (out,), and its products with rows."""

    def __init__(self, matrix: Tensor, bias: Tensor | None = None) -> None:
        self._turned = matrix.detach().t()
        self._bias = None if bias is None else bias.detach()
        self._sizes = LARGE_SIZES if matrix.numel() > LARGE else SMALL_SIZES
        self._packed: Tensor | None = None
        if torch.backends.mkldnn.is_available() and matrix.dtype in (torch.float32, torch.bfloat16):
            out, width = matrix.shape
            shape = (out, width, matrix.dtype, torch.get_num_threads())
            if _TRIED.get(shape, True):
                _TRIED[shape] = self._pack(matrix) and (shape in _TRIED or (self._right() and self._equal()))
            if not _TRIED[shape]:
                self._packed = None

    def rows(self, rows: Tensor, activation: Activation = "none") -> Tensor:
        """activation(rows (count, in) x matrix^T + bias), (count, out)."""
        if self._packed is None:
            return self._tiled(rows, activation)
        count = len(rows)
        if count > self._sizes[-1]:
            return torch.cat([self.rows(part, activation) for part in rows.split(self._sizes[-1])])
        size = self._sizes[bisect_left(self._sizes, count)]
        if size == count:
            return self._product(rows, activation)
        return self._product(functional.pad(rows, (0, 0, 0, size - count)), activation)[:count]

    def _pack(self, matrix: Tensor) -> bool:
        try:
            self._packed = torch.ops.mkldnn._reorder_linear_weight(matrix.detach().contiguous(), FEW)
        except MISSING:
            return False
        return True

    def _right(self) -> bool:
        """Whether oneDNN's products can be had, and are products."""
        rows = torch.randn(TILE, len(self._turned), generator=torch.Generator().manual_seed(1)).to(self._turned.dtype)
        close = {torch.float32: 1e-4, torch.bfloat16: 5e-2}[rows.dtype]
        try:
            made = {name: self._product(rows, name) for name in _FUSED}
        except MISSING:
            return False
        wanted = {name: self._tiled(rows, name) for name in _FUSED}
        return all(
            made[name].shape == wanted[name].shape
            and float((made[name] - wanted[name]).abs().max()) <= close * max(1.0, float(wanted[name].abs().max()))
            for name in _FUSED
        )

    def _equal(self) -> bool:
        """Whether neither the number of rows nor a row's place changes a bit of its product on this machine."""
        chance = torch.Generator().manual_seed(0)
        rows = torch.randn(self._sizes[-1], len(self._turned), generator=chance).to(self._turned.dtype)
        whole = self._product(rows, "none")
        sizes = self._sizes[:-1]
        same = all(torch.equal(self._product(rows[-size:], "none"), whole[-size:]) for size in sizes)
        return same and all(torch.equal(self._product(rows[:size], "none"), whole[:size]) for size in sizes)

    def _product(self, rows: Tensor, activation: Activation) -> Tensor:
        name, algorithm = _FUSED[activation]
        out: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._packed, self._bias, name, [], algorithm)
        return out

    def _tiled(self, rows: Tensor, activation: Activation) -> Tensor:
        padded = functional.pad(rows, (0, 0, 0, -len(rows) % TILE))
        out = torch.cat([torch.mm(part, self._turned) for part in padded.split(TILE)])[: len(rows)]
        if self._bias is not None:
            out = out + self._bias
        if activation == "none":
            return out
        return functional.gelu(out, approximate="tanh" if activation == "gelu_tanh" else "none")


def full(count: int) -> int:
    """The number of rows, at least `count`, whose products need no filling up."""
    return count if count <= FEW else -(-count // STEP) * STEP
