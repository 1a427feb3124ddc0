"""Answers that are limited to given texts, or given whole: which tokens may come next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


class Choices:
    """The tokens of some texts, each with its end."""

    def __init__(self, texts: Sequence[str], tokenizer: Any, end: int) -> None:
        """`end`: the token that ends an answer."""
        self.texts = [(*tokenizer(text, add_special_tokens=False)["input_ids"], end) for text in texts]

    def following(self, tokens: Sequence[int]) -> list[int]:
        """What may come after `tokens`; they were allowed themselves."""
        count, given = len(tokens), tuple(tokens)
        return sorted({text[count] for text in self.texts if len(text) > count and text[:count] == given})


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that is not drawn: its tokens, with their end, are known, and their log-probabilities are wanted."""

    tokens: tuple[int, ...]


Limit = Choices | Given | None  # of a row's answer


def limited(banned: Tensor, rows: Sequence[tuple[Limit, Sequence[int]]]) -> Tensor:
    """`banned`, bool (vocabulary,); or where a row has choices, what each row may not draw, bool (rows, vocabulary).

    `rows`: each row's limit and the tokens that it has.
    """
    if not any(isinstance(limit, Choices) for limit, _ in rows):
        return banned
    out = banned.repeat(len(rows), 1)
    for row, (limit, tokens) in zip(out, rows, strict=True):
        if isinstance(limit, Choices):
            row.fill_(True)
            row[torch.tensor(limit.following(tokens))] = False
    return out


def kept(drawn: Tensor, rows: Sequence[tuple[Limit, Sequence[int]]]) -> Tensor:
    """The `drawn` tokens, int64 (rows,), with the next given token in rows whose answers are given."""
    for row, (limit, tokens) in enumerate(rows):
        if isinstance(limit, Given):
            drawn[row] = limit.tokens[len(tokens)]
    return drawn
