"""Questions: what seats are asked, by worker: under way, or in a queue.

A worker is sent at most as many questions as it takes at once (`Channel.max_in_flight`). The others wait here in the
order of the plan: by match, tick and seat, so that chance decides nothing. A deadline counts from dispatch.
"""

from __future__ import annotations

import heapq
import itertools
from typing import NamedTuple

from arena.channel import Channel
from arena.live_match import LiveMatch, Question
from arena.operator import Request
from arena.timers import Timers


class _Waiting(NamedTuple):
    """A question that is not sent yet; the smallest is sent first."""

    match: int
    tick: int
    seat: int
    attempt: int
    number: int  # unique: what follows is never compared
    request: Request
    live: LiveMatch


class Questions:
    """Every question of every match that has no answer yet."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._numbers = itertools.count()
        self._queues: dict[Channel, list[_Waiting]] = {}  # heaps
        self._all: dict[int, Question] = {}
        self._in_flight: dict[Channel, dict[int, Question]] = {}

    # --- in the queue ------------------------------------------------------------------------------------------------

    def put(self, live: LiveMatch, request: Request) -> None:
        """A seat is to be asked, as soon as its worker takes another question."""
        match, tick, seat, attempt = request.match, request.tick, request.seat, request.attempt
        waiting = _Waiting(match, tick, seat, attempt, next(self._numbers), request, live)
        heapq.heappush(self._queues.setdefault(live.channels[seat], []), waiting)
        live.queued.add(seat)

    def take(self) -> dict[Channel, list[tuple[LiveMatch, Request]]]:
        """What can be sent now. It leaves the queue, and whoever sends it calls `sent`."""
        out = {}
        for channel, queue in list(self._queues.items()):
            taken: list[tuple[LiveMatch, Request]] = []
            while queue and (queue[0].live.over or self._takes(channel, queue[0].live, len(taken))):
                waiting = heapq.heappop(queue)
                if not waiting.live.over:
                    waiting.live.queued.discard(waiting.seat)
                    taken.append((waiting.live, waiting.request))
            if not queue:
                del self._queues[channel]
            if taken:
                out[channel] = taken
        return out

    def _takes(self, channel: Channel, live: LiveMatch, more: int) -> bool:
        """Whether a worker takes a question of this match beside `more` others that are about to be sent."""
        limit = 1 if live.alone else channel.max_in_flight
        return not limit or len(self._in_flight.get(channel, ())) + more < limit

    # --- under way ---------------------------------------------------------------------------------------------------

    def sent(self, question: Question, deadline: float | None) -> None:
        """It is under way from now on."""
        assert question.live is not None
        i = question.request.id
        self._all[i] = question
        self._in_flight.setdefault(question.channel, {})[i] = question
        question.live.questions[i] = question
        if deadline is not None:
            self._timers.set(question, deadline)

    def get(self, i: int) -> Question | None:
        return self._all.get(i)

    def of(self, channel: Channel) -> list[Question]:
        return list(self._in_flight.get(channel, {}).values())

    def remove(self, question: Question) -> None:
        """It was answered, or will never be."""
        i = question.request.id
        self._timers.clear(question)
        del self._all[i]
        of_channel = self._in_flight[question.channel]
        del of_channel[i]
        if not of_channel:
            del self._in_flight[question.channel]
        if question.live is not None:
            del question.live.questions[i]
