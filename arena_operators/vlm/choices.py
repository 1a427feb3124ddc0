"""Answers that are limited to given texts: which tokens may come next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Choices:
    """The tokens of some texts, each with its end."""

    def __init__(self, texts: Sequence[str], tokenizer: Any, end: int) -> None:
        """`end`: the token that ends an answer."""
        self._texts = [(*tokenizer(text, add_special_tokens=False)["input_ids"], end) for text in texts]

    def following(self, tokens: Sequence[int]) -> list[int]:
        """What may come after `tokens`; they were allowed themselves."""
        count, given = len(tokens), tuple(tokens)
        return sorted({text[count] for text in self._texts if len(text) > count and text[:count] == given})


def limited(banned: Tensor, rows: Sequence[tuple[Choices | None, Sequence[int]]]) -> Tensor:
    """`banned`, bool (vocabulary,); or where a row has choices, what each row may not draw, bool (rows, vocabulary).

    `rows`: each row's choices and the tokens that it has.
    """
    if all(choices is None for choices, _ in rows):
        return banned
    out = banned.repeat(len(rows), 1)
    for row, (choices, tokens) in zip(out, rows, strict=True):
        if choices is not None:
            row.fill_(True)
            row[torch.tensor(choices.following(tokens))] = False
    return out
