"""Intervals over people. Matches with one person are not independent: whoever plays well does so in all of them.

A deal is met once by a person, so it lies within them, and the person is the coarser cluster of the two: A. C. Cameron,
D. L. Miller, A Practitioner's Guide to Cluster-Robust Inference, Journal of Human Resources 50 (2015), 317-372,
sections II and IV. People who sit in one block together are one cluster, as is whoever is joined to them by others.

Of what is about a person themselves, they are no cluster: that is about them, and not about people. Nor is one where
only one (or only one such group) sat: the interval is over blocks, and about play with them.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterable
from typing import TypeVar

from arena.evaluate.intervals import BlockMean, BlockShare

T = TypeVar("T", bound=Hashable)


def joined(groups: Iterable[frozenset[T]]) -> list[frozenset[T]]:
    """Groups that have someone in common, united."""
    out: list[frozenset[T]] = []
    for group in groups:
        meets = [one for one in out if one & group]
        out = [one for one in out if one not in meets]
        out.append(group.union(*meets))
    return out


class ClusteredMean:
    """The mean over matches in blocks, with an interval over the people who sat there, else over the blocks.

    kind: of the mean and its interval; BlockShare where all numbers are 0 or 1.
    """

    def __init__(self, kind: type[BlockMean] | type[BlockShare] = BlockMean) -> None:
        self.all = kind()
        self._alone = kind()  # of blocks without people
        self._sums: dict[frozenset[str], list[float]] = {}  # the number of matches, and the sum of returns

    def add(self, size: int, total: float, people: frozenset[str]) -> None:
        """Add one block, in which these people sat: its number of matches and the sum of their returns."""
        if not size:
            return
        self.all.add(size, total)
        if not people:
            self._alone.add(size, total)
            return
        sums = self._sums.setdefault(people, [0, 0.0])
        sums[0] += size
        sums[1] += total

    @property
    def people(self) -> int:
        """The number of people, or groups who sat together, that the interval is over; 0: it is over blocks."""
        groups = len(joined(self._sums))
        return groups if groups > 1 else 0

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the mean, as its kind has it."""
        if not self.people:
            return self.all.interval
        clusters = copy.deepcopy(self._alone)
        for group in joined(self._sums):
            sums = [one for people, one in self._sums.items() if people <= group]
            clusters.add(int(sum(size for size, _ in sums)), sum(total for _, total in sums))
        return clusters.interval
