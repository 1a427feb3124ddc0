"""The served part of scripts/bench/models.py: turns of nano through the arena and vLLM, against a bare client."""

from __future__ import annotations

import asyncio
import gc
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


class Stopwatch:
    """Measures while a side has all that it can have under way."""

    def __init__(self, spent: Callable[[], tuple[float, float, float]]) -> None:
        """`spent()`: seconds by the clock, of the client's processor time, and of the server's."""
        self._spent = spent
        self._turns = 0
        self._began: tuple[float, float, float] | None = None
        self.found: Measured | None = None

    def start(self) -> None:
        """From now on; before that nothing counts."""
        self._turns, self._began = 0, self._spent()

    def turn(self) -> None:
        """A turn was answered."""
        self._turns += 1

    def stop(self) -> None:
        """Until now."""
        assert self._began is not None
        seconds, client, server = (now - then for now, then in zip(self._spent(), self._began, strict=True))
        self.found = Measured(self._turns / seconds, 1000 * client / self._turns, 1000 * server / self._turns)


class Span(Observer):
    """From the first match that takes the place of another until the last match begins.

    So each turn that counts has its share of the openings of matches, and there is always another one to begin.
    """

    def __init__(self, matches: int, together: int, watch: Stopwatch) -> None:
        self._begun = 0
        self._matches = matches
        self._together = together
        self._watch = watch

    def started(self, match: Match) -> None:
        self._begun += 1
        if self._begun == self._together + 1:
            self._watch.start()
        if self._begun == self._matches:
            self._watch.stop()

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        self._watch.turn()


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
            self.workers.channel(entry).max_in_flight = in_flight

    def _spent(self) -> tuple[float, float, float]:
        """Seconds: by the clock, of this process's processor time, of that of the server's processes."""
        first = psutil.Process(self.backend.server.pid)
        server = sum(sum(one.cpu_times()[:2]) for one in [first, *first.children(recursive=True)])
        return time.perf_counter(), time.process_time(), server

    def arena(self, concurrency: int, matches: int | None = None) -> Measured:
        """So many matches at a time."""
        plan = self.plan if matches is None else self._plan(matches, self.plan.entries[0].max_in_flight)
        assert plan.matches is not None
        watch = Stopwatch(self._spent)
        span = Span(plan.matches, concurrency, watch)
        Scheduler(plan, self.workers, concurrency=concurrency, observer=span).run()
        assert watch.found is not None
        return watch.found

    def bare(self, bodies: Sequence[bytes], concurrency: int, library: str = "aiohttp") -> Measured:
        """So many requests at a time, by a client of `library`."""
        watch = Stopwatch(self._spent)
        asyncio.run((self._aiohttp if library == "aiohttp" else self._httpx)(bodies, concurrency, watch))
        assert watch.found is not None
        return watch.found

    @property
    def _head(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "Authorization": f"Bearer {self.backend.server.secret}"}

    async def _httpx(self, bodies: Sequence[bytes], concurrency: int, watch: Stopwatch) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx2.AsyncClient(headers=self._head, limits=limits, timeout=None) as client:

            async def ask(body: bytes) -> None:
                response = await client.post(f"{self.backend.url}/chat/completions", content=body)
                response.raise_for_status().json()

            await all_of(bodies, ask, concurrency, watch)

    async def _aiohttp(self, bodies: Sequence[bytes], concurrency: int, watch: Stopwatch) -> None:
        connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout()
        async with aiohttp.ClientSession(headers=self._head, connector=connector, timeout=timeout) as session:

            async def ask(body: bytes) -> None:
                async with session.post(f"{self.backend.url}/chat/completions", data=body) as response:
                    response.raise_for_status()
                    await response.json()

            await all_of(bodies, ask, concurrency, watch)


async def all_of(
    bodies: Sequence[bytes],
    ask: Callable[[bytes], Awaitable[object]],
    concurrency: int,
    watch: Stopwatch | None = None,
) -> None:
    """Ask every body, so many at a time. `watch` runs from the first that takes another's place until the last one."""
    left, begun = list(reversed(bodies)), 0

    async def some() -> None:
        nonlocal begun
        while left:
            body = left.pop()
            begun += 1
            if watch is not None and begun == concurrency + 1:
                watch.start()
            if watch is not None and not left:
                watch.stop()
            await ask(body)
            if watch is not None:
                watch.turn()

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
        gc.collect()
        gc.freeze()  # no side pays for what the other part of this script has in memory
        bare_best = best("bare client", concurrencies, lambda count: served.bare(bodies, count))

        def arena(count: int) -> Measured:
            served.limit(count)
            return served.arena(2 * count)

        own_best = best("arena", concurrencies, arena)
        sides: dict[str, Callable[[], Measured]] = {
            "bare": lambda: served.bare(bodies, bare_best),
            "arena": lambda: arena(own_best),
            "httpx": lambda: served.bare(bodies, bare_best, "httpx"),
            "alone": lambda: served.arena(1, max(3, matches // 8)),
        }
        found: dict[str, list[Measured]] = {name: [] for name in sides}
        for number in range(rounds):
            for name, side in list(sides.items())[:: 1 if number % 2 == 0 else -1]:
                found[name].append(side())
    concurrency = {"bare": bare_best, "arena": own_best}
    return {"turns": len(bodies), "concurrency": concurrency, "load": round(os.getloadavg()[0], 1), **summary(found)}


def best(name: str, counts: Sequence[int], side: Callable[[int], Measured]) -> int:
    """With which of `counts` in flight `side` is quickest, in the better of two runs each."""
    rates = {count: max(side(count).rate for _ in range(2)) for count in counts}
    print(f"{name}, turns/s in flight: " + ", ".join(f"{rate:.0f} at {n}" for n, rate in rates.items()), flush=True)
    return max(rates, key=lambda count: rates[count])


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
