"""Timers: a heap of things that fall due at a time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Protocol


class Timed(Protocol):
    """Something with a due time."""

    due: float | None  # None: it does not fall due


class Timers:
    """A heap. Moved or cleared entries stay in it until they come up, or until they make up most of it."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now()` is the time, as time.monotonic gives it."""
        self.now = now
        self._heap: list[tuple[float, int, Timed]] = []
        self._order = itertools.count()
        self._valid = 0  # entries that still count

    def set(self, what: Timed, due: float) -> None:
        """Let `what` fall due at this time instead of any earlier one."""
        if what.due is None:
            self._valid += 1
        what.due = due
        heapq.heappush(self._heap, (due, next(self._order), what))

    def clear(self, what: Timed) -> None:
        """Let `what` not fall due."""
        if what.due is None:
            return
        what.due = None
        self._valid -= 1
        if len(self._heap) > 2 * self._valid + 64:
            self._heap = [entry for entry in self._heap if entry[2].due == entry[0]]
            heapq.heapify(self._heap)

    @property
    def next(self) -> float | None:
        """The next due time; None: there is none."""
        heap = self._heap
        while heap and heap[0][2].due != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def take(self) -> list[Timed]:
        """Removes and returns everything that is due, in order."""
        now, out = self.now(), []
        while (due := self.next) is not None and due <= now:
            what = heapq.heappop(self._heap)[2]
            what.due = None
            self._valid -= 1
            out.append(what)
        return out
