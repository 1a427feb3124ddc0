"""Guesses how an answer goes on, so that one pass can compute several of its tokens.

A right guess saves a pass, and no guess changes what is drawn: a token counts only if it is what is drawn there anyway.
Speculative decoding: Leviathan et al., 2023 (arXiv 2211.17192); by words of earlier texts instead of a smaller model:
Yang et al., 2023 (arXiv 2304.04487).
"""

from __future__ import annotations

from collections.abc import Sequence

COMPARED = (6, 4, 3, 2, 1)  # tokens, the most first
MOST = 1 << 17  # beginnings that are kept


class Drafts:
    """What followed the same tokens in the answers before."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, ...], int] = {}

    def learn(self, prompt: Sequence[int], tokens: Sequence[int]) -> None:
        """The answer `tokens` to `prompt` has ended."""
        if len(self._next) > MOST:
            self._next.clear()
        text = [*prompt[-COMPARED[0] :], *tokens]
        for at in range(len(text) - len(tokens) + 1, len(text)):
            for count in COMPARED:
                if count <= at:
                    self._next[tuple(text[at - count : at])] = text[at]

    def guess(self, prompt: Sequence[int], tokens: Sequence[int], most: int) -> list[int]:
        """At most `most` tokens that may follow `tokens`, the answer to `prompt` so far."""
        text = [*prompt[-COMPARED[0] :], *tokens][-COMPARED[0] :]
        known = len(text)
        while len(text) < known + most and (found := self._following(text)) is not None:
            text.append(found)
        return text[known:]

    def _following(self, text: Sequence[int]) -> int | None:
        found = (self._next.get(tuple(text[-count:])) for count in COMPARED if count <= len(text))
        return next((one for one in found if one is not None), None)
