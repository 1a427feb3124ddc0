"""A schedule that does not say how many matches it has."""

from __future__ import annotations

from arena.plan import Block, BlockIterator, Schedule


class Twice(Schedule):
    """Two blocks."""

    def blocks(self, first: int = 0) -> BlockIterator:
        for _ in range(first, 2):
            yield Block(0, (0, 1))
