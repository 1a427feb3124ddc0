"""The served part of scripts/bench/models.py: turns of nano through the arena and vLLM, against a bare client."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import aiohttp
import httpx2
import msgspec
import psutil

from arena.lineup import build_plan
from arena.local_workers import LocalWorkers
from arena.match import Match
from arena.observer import Observer
from arena.operator import AsyncOperator, Decision, Operator, WorkerContext
from arena.plan import Plan
from arena.scheduler import Scheduler
from arena_operators.vlm.operator import make
from arena_operators.vlm.served import ServedOperator
from arena_operators.vlm.vllm_backend import VllmBackend

NAME = "vlm:nano@backend=vllm@temperature=0"


@dataclass(frozen=True)
class Measured:
    """One side of a round."""

    rate: float  # turns a second by the clock
    client: float  # milliseconds of processor time a turn: of the arena, or of the bare client
    server: float  # likewise, of every process of the server


class Span(Observer):
    """From the first question until the last match begins: as long as there is always another one to begin."""

    def __init__(self, matches: int, stop: Callable[[int], None]) -> None:
        """`stop(turns)` is called at its end."""
        self._left = matches
        self._turns = 0
        self._stop = stop

    def started(self, match: Match) -> None:
        self._left -= 1
        if not self._left:
            self._stop(self._turns)

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        self._turns += 1


class Served:
    """nano behind a vLLM server that lives as long as this."""

    def __init__(self, matches: int, in_flight: int, log: TextIO) -> None:
        """`log` gets what the server says."""
        self._log = log
        self.plan = self._plan(matches, in_flight)
        self.bodies: list[bytes] = []
        self.workers = LocalWorkers(self.plan.entries, [self._make] * len(self.plan.entries))

    @staticmethod
    def _plan(matches: int, in_flight: int) -> Plan:
        return build_plan("leduc", [f"{NAME}@in_flight={in_flight}"] * 2, seed=1, matches=matches)

    def _make(self, context: WorkerContext) -> Operator | AsyncOperator:
        operator = make(context)
        assert isinstance(operator, ServedOperator)
        assert isinstance(operator.backend, VllmBackend)
        self.backend = operator.backend
        self.backend.server.log = self._log
        return operator

    def record(self, matches: int) -> None:
        """Keep the bodies of what is asked now."""
        complete = self.backend.complete

        async def kept(body: Mapping[str, Any]) -> Any:
            self.bodies.append(msgspec.json.encode(body))
            return await complete(body)

        self.backend.complete = kept  # type: ignore[method-assign]
        self.arena(matches)
        self.backend.complete = complete  # type: ignore[method-assign]

    def limit(self, in_flight: int) -> None:
        """Have so many requests in flight from now on, at most."""
        for entry in self.plan.entries:
            self.workers.channel(entry).limit(in_flight)

    def _spent(self) -> tuple[float, float, float]:
        """Seconds: by the clock, of this process's processor time, of that of the server's processes."""
        first = psutil.Process(self.backend.server.pid)
        server = sum(sum(one.cpu_times()[:2]) for one in [first, *first.children(recursive=True)])
        return time.perf_counter(), time.process_time(), server

    def _stopwatch(self) -> tuple[list[Measured], Callable[[int], None]]:
        """What is measured from now until the function is called with the number of turns."""
        found: list[Measured] = []
        began = self._spent()

        def stop(turns: int) -> None:
            seconds, client, server = (now - then for now, then in zip(self._spent(), began, strict=True))
            found.append(Measured(turns / seconds, 1000 * client / turns, 1000 * server / turns))

        return found, stop

    def arena(self, concurrency: int, matches: int | None = None) -> Measured:
        """So many matches at a time."""
        plan = self.plan if matches is None else self._plan(matches, self.plan.entries[0].max_in_flight)
        found, stop = self._stopwatch()
        assert plan.matches is not None
        span = Span(plan.matches, stop)
        Scheduler(plan, self.workers, concurrency=concurrency, observer=span).run()
        return found[0]

    def bare(self, bodies: Sequence[bytes], concurrency: int, library: str = "aiohttp") -> Measured:
        """So many requests at a time, by a client of `library`."""
        found, stop = self._stopwatch()
        asyncio.run((self._aiohttp if library == "aiohttp" else self._httpx)(bodies, concurrency, stop))
        return found[0]

    @property
    def _head(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "Authorization": f"Bearer {self.backend.server.secret}"}

    async def _httpx(self, bodies: Sequence[bytes], concurrency: int, stop: Callable[[int], None]) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx2.AsyncClient(headers=self._head, limits=limits, timeout=None) as client:

            async def ask(body: bytes) -> None:
                response = await client.post(f"{self.backend.url}/chat/completions", content=body)
                response.raise_for_status().json()

            await all_of(bodies, ask, concurrency, stop)

    async def _aiohttp(self, bodies: Sequence[bytes], concurrency: int, stop: Callable[[int], None]) -> None:
        connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout()
        async with aiohttp.ClientSession(headers=self._head, connector=connector, timeout=timeout) as session:

            async def ask(body: bytes) -> None:
                async with session.post(f"{self.backend.url}/chat/completions", data=body) as response:
                    response.raise_for_status()
                    await response.json()

            await all_of(bodies, ask, concurrency, stop)


async def all_of(
    bodies: Sequence[bytes],
    ask: Callable[[bytes], Awaitable[object]],
    concurrency: int,
    stop: Callable[[int], None] = lambda answered: None,
) -> None:
    """Ask every body, so many at a time. `stop` is called with the number of answers when the last one is begun."""
    left, answered = list(reversed(bodies)), 0

    async def some() -> None:
        nonlocal answered
        while left:
            body = left.pop()
            if not left:
                stop(answered)
            await ask(body)
            answered += 1

    await asyncio.gather(*(some() for _ in range(concurrency)))


def measure(matches: int, rounds: int, concurrencies: Sequence[int]) -> dict[str, Any]:
    """Rates, processor time a turn, and ratios."""
    with Path(tempfile.gettempdir(), "arena-bench-vllm.log").open("w", encoding="utf-8") as log:
        print(f"served: vLLM's log is in {log.name}", flush=True)
        return _measured(Served(matches, max(concurrencies), log), matches, rounds, concurrencies)


def _measured(served: Served, matches: int, rounds: int, concurrencies: Sequence[int]) -> dict[str, Any]:
    with served.workers:
        served.arena(2 * max(concurrencies))  # the server gets every picture
        served.record(2 * max(concurrencies))
        bodies = served.bodies
        rates = {count: max(served.bare(bodies, count).rate for _ in range(2)) for count in concurrencies}
        best = max(rates, key=lambda count: rates[count])
        print(
            f"served: {len(bodies)} turns; bare client, turns/s by concurrency: "
            + ", ".join(f"{rate:.0f} at {count}" for count, rate in rates.items()),
            flush=True,
        )
        served.limit(best)
        found: dict[str, list[Measured]] = {"bare": [], "arena": [], "httpx": [], "alone": []}
        for _ in range(rounds):
            found["bare"].append(served.bare(bodies, best))
            found["arena"].append(served.arena(2 * best))
            found["httpx"].append(served.bare(bodies, best, "httpx"))
            found["alone"].append(served.arena(1, max(3, matches // 8)))
    return {"turns": len(bodies), "concurrency": best, "load": round(os.getloadavg()[0], 1), **summary(found)}


def summary(found: Mapping[str, Sequence[Measured]]) -> dict[str, Any]:
    """Medians of each side; of ratios also the quartiles. Prints them."""
    out: dict[str, Any] = {}
    for side, measured in found.items():
        out[side] = {
            name: round(statistics.median(getattr(one, name) for one in measured), 2)
            for name in Measured.__annotations__
        }
        print(
            "{}: {rate} turns/s; processor time a turn: client {client} ms, server {server} ms".format(
                side, **out[side]
            ),
            flush=True,
        )
    for other in ("bare", "httpx", "alone"):
        pairs = list(zip(found["arena"], found[other], strict=True))
        ratios = [one.rate / two.rate for one, two in pairs]
        spent = [(two.client + two.server) / (one.client + one.server) for one, two in pairs]
        for name, values in ((f"arena_to_{other}", ratios), (f"arena_to_{other}_processor", spent)):
            out[name] = quartiles(values)
            print("{}: {} ({} to {})".format(name, *out[name]), flush=True)
    return out


def quartiles(values: Sequence[float]) -> list[float]:
    """The median, the first and the third quartile."""
    if len(values) == 1:
        return [round(values[0], 2)] * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return [round(one, 2) for one in (middle, low, high)]
