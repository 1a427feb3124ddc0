"""Upcoming: chooses the next match to play.

The schedule is read as places get free. A match that is to be played again comes after some others, so that it shows
whether its operators answer anything else meanwhile. Matches that are under suspicion of killing a worker are played
in groups, one group at a time and nothing beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from arena.plan import MatchPlan, MatchResult
from arena.schedule import Matches


class Upcoming:
    """Call `first`, then `take`; `again` and `take_apart` return failed matches to the queue."""

    def __init__(self, planned: Matches, between: int) -> None:
        """`between`: matches of the schedule that come before one that is played again, if there are so many."""
        self._planned = planned
        self._between = between
        self._taken = 0  # of the schedule
        self._again: deque[tuple[int, MatchPlan]] = deque()  # with the number of scheduled matches to take before it
        self._first: deque[MatchPlan] = deque()  # played before all others
        self._groups: deque[deque[MatchPlan]] = deque()
        self._group: deque[MatchPlan] = deque()  # the rest of the group in play
        self._members: set[int] = set()  # the whole group, by match number

    @property
    def empty(self) -> bool:
        """Whether nothing is left, and no result can lead to more."""
        return not (self._group or self._groups or self._first or self._again) and self._planned.over

    def first(self, idle: bool) -> MatchPlan | None:
        """The next match; None: there is none now. `idle`: no match is in play."""
        if idle and not self._group:
            self._group = self._groups.popleft() if self._groups else deque()
            self._members = {plan.index for plan in self._group}
        if self._group:
            return self._group[0]
        if self._groups or self._members:
            return None  # until the matches in play are over
        if self._first:
            return self._first[0]
        if self._again and (self._again[0][0] <= self._taken or self._planned.peek() is None):
            return self._again[0][1]
        return self._planned.peek()

    def take(self, plan: MatchPlan) -> None:
        """Remove the match that `first` returned."""
        if self._group:
            self._group.popleft()
        elif self._first:
            self._first.popleft()
        elif self._again and self._again[0][1] is plan:
            self._again.popleft()
        else:
            self._planned.take()
            self._taken += 1

    def alone(self, plan: MatchPlan) -> bool:
        """Whether the match is a group of its own."""
        return self._members == {plan.index}

    def again(self, plan: MatchPlan, *, at_once: bool = False) -> None:
        """Play the match again, after some others or `at_once`."""
        if at_once:
            self._first.append(plan)
        else:
            self._again.append((self._taken + self._between, plan))

    def take_apart(self, suspects: Sequence[MatchPlan], others: Sequence[MatchPlan], *, at_once: bool) -> None:
        """One of `suspects` ended a worker: each half of them is played by itself.

        `others` were in play beside them: those that were in the same group stay one, the rest is played again,
        `at_once` or after some others.
        """
        middle = (len(suspects) + 1) // 2
        held = [plan for plan in others if plan.index in self._members]
        for group in (suspects[:middle], suspects[middle:], held):
            if group:
                self._groups.append(deque(group))
        for plan in others:
            if plan.index not in self._members:
                self.again(plan, at_once=at_once)

    def over(self, result: MatchResult) -> None:
        """A match is over: the schedule may hear of it."""
        self._planned.hear(result)
