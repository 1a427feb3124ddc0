"""Divides rows into passes of few shapes. The shape that a row is computed in follows from the row alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt with its response."""

    index: int  # in the batch
    ids: npt.NDArray[np.int64]  # (tokens,)
    prompt: int  # tokens of it that are the prompt
    pixels: dict[str, Tensor] = field(default_factory=dict)  # of its pictures, as the model takes them
    pictures: tuple[str, ...] = ()  # their names

    @property
    def shape(self) -> tuple[object, ...]:
        """Rows of equal shape can share a pass: the padded length, and shapes of its pictures."""
        return padded(len(self.ids)), *((name, tuple(one.shape)) for name, one in sorted(self.pixels.items()))


@dataclass(frozen=True, slots=True)
class Pass:
    """Rows that are computed together, and how many more there are for the shape's sake: copies of the first row."""

    rows: list[Row]
    spare: int
    length: int

    @property
    def ids(self) -> Tensor:
        """int64 (rows with spare ones, length), padded on the right."""
        out = np.zeros((len(self.rows) + self.spare, self.length), np.int64)
        for at, row in enumerate(self._filled):
            out[at, : len(row.ids)] = row.ids
        return torch.from_numpy(out)

    @property
    def mask(self) -> Tensor:
        """int64 (rows with spare ones, length): 1 where a token stands."""
        ends = torch.tensor([len(row.ids) for row in self._filled])
        return (torch.arange(self.length) < ends[:, None]).long()

    @property
    def places(self) -> tuple[Tensor, Tensor]:
        """(row, place), int64 (tokens,), where each token of the responses is predicted: one before its own."""
        rows = [np.full(len(row.ids) - row.prompt, at) for at, row in enumerate(self.rows)]
        places = [np.arange(row.prompt - 1, len(row.ids) - 1) for row in self.rows]
        return torch.from_numpy(np.concatenate(rows)), torch.from_numpy(np.concatenate(places))

    @property
    def targets(self) -> Tensor:
        """int64 (tokens,): the responses."""
        return torch.from_numpy(np.concatenate([row.ids[row.prompt :] for row in self.rows]))

    def pixels(self) -> dict[str, Tensor]:
        """Of all rows, spare ones included."""
        return {name: torch.cat([row.pixels[name] for row in self._filled]) for name in self.rows[0].pixels}

    @property
    def _filled(self) -> list[Row]:
        return [*self.rows, *[self.rows[0]] * self.spare]


def padded(length: int) -> int:
    """A length rounded up: by an eighth at most, or to a multiple of 16."""
    step = max(16, 1 << max(0, length.bit_length() - 3))
    return -(-length // step) * step


def passes(rows: Sequence[Row], tokens: int, fixed: bool = True) -> Iterator[Pass]:
    """The passes of a batch, long rows first. Each has `tokens` tokens or fewer, or a single row.

    `fixed`: a pass is filled up with copies, since products of other sizes round otherwise: so what a row gets does not
    depend on what else is in the batch.
    """
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        groups.setdefault(row.shape, []).append(row)
    for members in groups.values():
        length = padded(len(members[0].ids))
        size = max(1, tokens // length)
        for start in range(0, len(members), size):
            part = members[start : start + size]
            yield Pass(part, (size - len(part)) * fixed, length)
