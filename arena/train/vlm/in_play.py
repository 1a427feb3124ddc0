"""How many matches are in play over time, of several processes: whether a pool of rollouts runs empty."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

Change = tuple[float, int]  # when, by time.monotonic(), which the processes of a machine share; how many since then


class InPlay:
    """Hears changes of each process in order, in whatever order the processes tell theirs."""

    def __init__(self, since: float) -> None:
        self._since = since
        self._changes: dict[Hashable, list[Change]] = {}

    def heard(self, who: Hashable, changes: Sequence[Change]) -> None:
        """What a process says: from each time on it has so many matches in play."""
        self._changes.setdefault(who, []).extend(changes)

    def until(self, end: float) -> tuple[float, float]:
        """Since the last call: the mean number of matches in play, and the share of time in which there were none.

        What is heard later than it happened counts from the next call on. 0 and 1 where no time has passed.
        """
        now, steps = 0, []
        for who, told in list(self._changes.items()):
            past = [one for one in told if one[0] <= self._since]
            last = past[-1][1] if past else 0
            now += last
            inside = [one for one in told if self._since < one[0] <= end]
            counts = [last, *(count for _, count in inside)]
            steps += [(at, count - before) for (at, count), before in zip(inside, counts, strict=False)]
            self._changes[who] = [(end, counts[-1]), *(one for one in told if one[0] > end)]
            if self._changes[who] == [(end, 0)]:
                del self._changes[who]
        busy = idle = 0.0
        before = self._since
        for at, step in [*sorted(steps), (end, 0)]:
            busy += now * (at - before)
            idle += (at - before) * (now == 0)
            now, before = now + step, at
        seconds, self._since = end - self._since, end
        return (busy / seconds, idle / seconds) if seconds > 0 else (0.0, 1.0)
