"""Answers in the making, and where the keys and values of their tokens stand."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import Tensor

from arena.operator import Ids
from arena_operators.vlm.choices import Limit
from arena_operators.vlm.drafts import COMPARED
from arena_operators.vlm.llama import Llama


@dataclass(frozen=True, slots=True)
class Read:
    """A prompt that was computed."""

    kept: Tensor  # its keys and values (layers, 2, heads, tokens, dim)
    logits: Tensor  # (vocabulary,) after it
    cached: int  # tokens of it that were computed before


@dataclass(slots=True, eq=False)
class Row:
    """An answer in the making."""

    index: int
    prompt: Ids
    name: Hashable  # of the prompt, pictures included
    uniforms: npt.NDArray[np.float64]
    limit: Limit
    read: Read
    first: float = 0.0  # when its first token was there
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)  # of which each token was drawn, (vocabulary,)
    known: list[Tensor] = field(default_factory=list)  # keys and values of the tokens that were computed before

    @property
    def tail(self) -> list[int]:
        """The last tokens of its prompt."""
        tokens: list[int] = self.prompt[-COMPARED[0] :].tolist()
        return tokens

    @property
    def place(self) -> int:
        """Of its last token."""
        return len(self.prompt) + len(self.tokens) - 1


class Shelf:
    """The keys and values of rows that look back over `length` places."""

    def __init__(self, llama: Llama, length: int) -> None:
        self.length = length
        self._llama = llama
        self.cache = llama.cache(1, length)
        self.rows: list[Row] = []

    def put(self, row: Row) -> int:
        """The number of its slot."""
        if len(self.rows) == self.cache.shape[2]:
            larger = self._llama.cache(2 * len(self.rows), self.length)
            larger[:, :, : len(self.rows)] = self.cache
            self.cache = larger
        self.rows.append(row)
        return len(self.rows) - 1

    def take(self, slot: int) -> None:
        """The row is gone; the last one moves into its slot."""
        last = self.rows.pop()
        if slot < len(self.rows):
            self.cache[:, :, slot] = self.cache[:, :, len(self.rows)]
            self.rows[slot] = last
