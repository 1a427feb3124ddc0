"""Products of rows with weight matrices that give a row the same bits whatever the number of rows.

oneDNN's do, over weights laid out for it, which is tried on this machine first; else they are of `TILE` rows each.
(Products of other shapes add in another order, so their last bits may differ.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

TILE = 8
SMALL = 64  # products of up to so many rows are tried
STEP = 32  # beyond, of multiples of so many rows
MOST = 1024  # rows of a product
Activation = Literal["none", "gelu", "gelu_tanh"]
_FUSED = {"none": ("none", ""), "gelu": ("gelu", "none"), "gelu_tanh": ("gelu", "tanh")}  # oneDNN's names

Tried = dict[tuple[int, int, torch.dtype], bool]


class Weight:
    """A matrix (out, in), with a bias (out,), and its products with rows."""

    def __init__(self, matrix: Tensor, tried: Tried, bias: Tensor | None = None) -> None:
        """`tried`: which shapes were tried before, and whether they give equal bits; it is added to."""
        self._turned = matrix.detach().t()
        self._bias = None if bias is None else bias.detach()
        self._packed: Tensor | None = None
        if torch.backends.mkldnn.is_available() and matrix.dtype in (torch.float32, torch.bfloat16):
            self._packed = torch.ops.mkldnn._reorder_linear_weight(matrix.detach().contiguous(), SMALL)
            shape = (*matrix.shape, matrix.dtype)
            if shape not in tried:
                tried[shape] = self._equal()
            if not tried[shape]:
                self._packed = None

    def rows(self, rows: Tensor, activation: Activation = "none") -> Tensor:
        """activation(rows (count, in) x matrix^T + bias), (count, out). Fastest of `full(count)` rows."""
        if self._packed is None:
            return self._tiled(rows, activation)
        if len(rows) <= MOST and full(len(rows)) == len(rows):
            return self._product(rows, activation)
        return torch.cat([self._product(part, activation) for part in _parts(rows)])

    def _equal(self) -> bool:
        """Whether neither the number of rows nor a row's place changes a bit of its product on this machine."""
        chance = torch.Generator().manual_seed(0)
        rows = torch.randn(MOST, len(self._turned), generator=chance).to(self._turned.dtype)
        whole = self._product(rows, "none")
        counts = (*range(1, SMALL), *range(SMALL, MOST, STEP))
        same = all(torch.equal(self._product(rows[-count:], "none"), whole[-count:]) for count in counts)
        return same and all(torch.equal(self._product(rows[:count], "none"), whole[:count]) for count in counts)

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
    """The number of rows, at least `count`, of which a product is one."""
    return count if count <= SMALL else -(-count // STEP) * STEP


def _parts(rows: Tensor) -> Iterator[Tensor]:
    """In numbers of rows that were tried."""
    whole = len(rows) - len(rows) % STEP
    yield from rows[:whole].split(MOST)
    if whole < len(rows):
        yield rows[whole:]
