"""Served operators in this process, against a real HTTP server, and seats of Leduc for them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from arena.canonical import key
from arena.game import Views
from arena.operator import OpenSeat, Request, WorkerContext
from arena.plugins import game_class
from arena_operators.vlm import options
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.served import ServedOperator

VIEWS = Views(image=(128, 128), text=True)


class Clock:
    """Waits no time; remembers how long it was asked to."""

    def __init__(self):
        self.waits = []

    async def __call__(self, seconds):
        self.waits.append(seconds)
        await asyncio.sleep(0)


def operator(server, clock=None, what="toy", kind="vlm", **more):
    """A ServedOperator as `vlm:WHAT@url=...` makes it, whose waits take no time."""
    asked = options.filled(what, {"url": server.url, **more}, kind)
    backend = OpenAIBackend(asked["url"], asked["model"], asked.get("key"), options.at_once(asked), clock or Clock())
    backend.stream = bool(asked.get("stream"))
    return ServedOperator(backend, options.settings(asked, kind), WorkerContext(what, asked))


@asynccontextmanager
async def started(server, clock=None, **more):
    """The same, started; stopped at the end."""
    one = operator(server, clock, **more)
    try:
        await one.start()
        yield one
    finally:
        await one.stop()


def turns(count, tokens=False):
    """(seats, requests): the first turn of so many Leduc matches."""
    seats, requests = [], []
    for number in range(count):
        game = game_class("leduc")(2)
        due = game.reset(key("deal", number)).due[0]
        seats.append(
            OpenSeat(
                match=number,
                seat=due,
                operator="vlm:toy",
                card=game.card(),
                views=VIEWS,
                seed=key("seat", number),
                tokens=tokens,
            )
        )
        requests.append(Request(number, number, due, 0, game.observe(due, VIEWS)))
    return seats, requests


def decide(server, count=1, clock=None, tokens=False, **more):
    """The decisions on `turns`; an exception stands for the one that raised it."""

    async def run():
        async with started(server, clock, **more) as one:
            seats, requests = turns(count, tokens)
            one.open(seats)
            return await asyncio.gather(*(one.decide(request) for request in requests), return_exceptions=True)

    return asyncio.run(run())
