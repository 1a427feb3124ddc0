"""Timers: what falls due when, without looking at all that waits."""

from __future__ import annotations

import heapq
import itertools
from typing import Protocol


class Timed(Protocol):
    """Something that may fall due."""

    due: float | None  # when; None: not any more


class Timers:
    """A heap. What was moved or cleared stays in it until it comes up, or until it makes up most of the heap."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._order = itertools.count()
        self._valid = 0  # entries that still count

    def set(self, what: Timed, due: float) -> None:
        """From now on `what` falls due then, and at no other time."""
        if what.due is None:
            self._valid += 1
        what.due = due
        heapq.heappush(self._heap, (due, next(self._order), what))

    def clear(self, what: Timed) -> None:
        """It does not fall due any more."""
        if what.due is None:
            return
        what.due = None
        self._valid -= 1
        if len(self._heap) > 2 * self._valid + 64:
            self._heap = [entry for entry in self._heap if entry[2].due == entry[0]]
            heapq.heapify(self._heap)

    @property
    def next(self) -> float | None:
        """When something falls due; None: nothing does."""
        heap = self._heap
        while heap and heap[0][2].due != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def take(self, now: float) -> list[Timed]:
        """What is due by now, in that order; it is cleared."""
        out = []
        while (due := self.next) is not None and due <= now:
            what = heapq.heappop(self._heap)[2]
            what.due = None
            self._valid -= 1
            out.append(what)
        return out
