"""Questions: the requests of all matches by worker, under way or queued.

A worker is sent at most as many requests as it takes at once (`Channel.max_in_flight`). The others wait here in the
order of the plan: by match, tick and seat, so that chance decides nothing. A deadline counts from dispatch.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from dataclasses import dataclass

from arena.channel import Channel
from arena.live_match import LiveMatch, Question
from arena.operator import Request
from arena.timers import Timers

# A queued request: match, tick, seat, attempt, a unique number, and values that are never compared.
_Waiting = tuple[int, int, int, int, int, LiveMatch, Request]


@dataclass(slots=True)
class Load:
    """How many requests of one operator are unanswered."""

    queued: int = 0  # here, until its worker takes another one
    in_flight: int = 0  # sent


class Questions:
    """All unanswered requests of all matches."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._numbers = itertools.count()
        self._queues: dict[Channel, list[_Waiting]] = {}  # heaps
        self._all: dict[int, Question] = {}
        self._in_flight: dict[Channel, dict[int, Question]] = {}
        self.loads: defaultdict[str, Load] = defaultdict(Load)  # by operator

    # --- in the queue ------------------------------------------------------------------------------------------------

    def put(self, live: LiveMatch, request: Request) -> None:
        """Queue a request until its worker takes another one."""
        seat = request.seat
        waiting = request.match, request.tick, seat, request.attempt, next(self._numbers), live, request
        channel = live.channels[seat]
        if channel in self._queues:
            heapq.heappush(self._queues[channel], waiting)
        else:
            self._queues[channel] = [waiting]
        live.queued.add(seat)
        self.loads[live.match.names[seat]].queued += 1

    def take(self) -> dict[Channel, list[tuple[LiveMatch, Request]]]:
        """Removes the requests that can be sent now from the queue; the caller sends them and calls `sent`."""
        out = {}
        for channel, queue in list(self._queues.items()):
            taken: list[tuple[LiveMatch, Request]] = []
            under_way = len(self._in_flight.get(channel, ()))
            while queue:
                live, request = queue[0][-2:]
                limit = 1 if live.alone else channel.max_in_flight
                if limit and not live.over and under_way + len(taken) >= limit:
                    break
                heapq.heappop(queue)
                self.loads[live.match.names[request.seat]].queued -= 1
                if not live.over:
                    live.queued.discard(request.seat)
                    taken.append((live, request))
            if not queue:
                del self._queues[channel]
            if taken:
                out[channel] = taken
        return out

    # --- under way ---------------------------------------------------------------------------------------------------

    def sent(self, question: Question, deadline: float | None) -> None:
        """The request is under way from now on."""
        assert question.live is not None
        i = question.request.id
        self._all[i] = question
        self._in_flight.setdefault(question.channel, {})[i] = question
        question.live.questions[i] = question
        self.loads[question.operator].in_flight += 1
        if deadline is not None:
            self._timers.set(question, deadline)

    def get(self, i: int) -> Question | None:
        return self._all.get(i)

    def of(self, channel: Channel) -> list[Question]:
        return list(self._in_flight.get(channel, {}).values())

    def remove(self, question: Question) -> None:
        """The request was answered, or never will be."""
        i = question.request.id
        self._timers.clear(question)
        del self._all[i]
        self.loads[question.operator].in_flight -= 1
        of_channel = self._in_flight[question.channel]
        del of_channel[i]
        if not of_channel:
            del self._in_flight[question.channel]
        if question.live is not None:
            del question.live.questions[i]
