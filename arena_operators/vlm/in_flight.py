"""How many requests in flight a server answers best: measured before the first match, where `@in_flight=auto` asks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from arena.operator import BackendError, OverloadedError
from arena_operators.vlm.backend import Message, ModelRequest, Picture
from arena_operators.vlm.dialogue import Settings
from arena_operators.vlm.options import MOST_MEASURED
from arena_operators.vlm.probe import CHOICES

STEPS = tuple(2**power for power in range(2, MOST_MEASURED.bit_length()))  # 4 to 256
LEAST = 16  # answers that a step is measured by: more than are in flight at the first ones, since lengths differ
REQUESTS = sum(max(LEAST, step) for step in STEPS)  # of all steps: 528
SECONDS = 20.0  # of all steps
GAIN = 1.1  # by which a step is better than the one before, or the last
LONGEST = 32  # tokens of an answer

Ask = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, and the number that follows from it."""

    best: int | None  # requests in flight; None: not one step was whole, and nothing follows
    rates: Mapping[int, float]  # answers a second, by requests in flight
    end: str  # why no more were tried, in words

    def facts(self, used: int) -> dict[str, str]:
        """In words. `used`: the number that the operator takes."""
        rates = ", ".join(f"{step}: {rate:.3g}" for step, rate in self.rates.items())
        told = f"{rates} answers a second; {self.end}" if rates else self.end
        return {"in_flight": str(used), "in_flight_rates": told}


async def measure(ask: Ask, status: Callable[[str], None]) -> Measured:
    """Answers a second with 4, 8, ... 256 requests in flight, until one step is not 10% better than the one before.

    The best is the last step that was: so the fewest requests that are nearly as good as any. A step that the server
    refuses or fails at ends it, and so does the time (SECONDS, by the event loop's clock); the best is the step before
    then, or 1 where the server has no capacity for the first. `ask(number)` asks question `number`: 528 at most, no two
    alike. BackendError where it fails at the first step for another reason.
    """
    loop = asyncio.get_running_loop()
    until, numbers, best, rates = loop.time() + SECONDS, itertools.count(), None, dict[int, float]()
    for step in STEPS:
        status(f"measuring its answers a second with {step} requests in flight")
        began, count = loop.time(), max(LEAST, step)
        try:
            async with asyncio.timeout_at(until):
                await _answered(ask, itertools.islice(numbers, count), step)
        except TimeoutError:
            return Measured(best, rates, f"{step} were not measured: {SECONDS:g} s were over")
        except BackendError as error:
            if best is None and not isinstance(error, OverloadedError):
                raise
            return Measured(best or 1, rates, f"at {step} the server failed: {error}")
        rates[step] = count / (loop.time() - began)
        if best is not None and rates[step] < GAIN * rates[best]:
            return Measured(best, rates, f"{step} were not 10% better than {best}")
        best = step
    return Measured(best, rates, "no more are tried")


async def _answered(ask: Ask, numbers: Iterator[int], lanes: int) -> None:
    """Asks all, `lanes` at once. At the first error, or when it is cancelled, the rest are cancelled."""

    async def lane() -> None:
        for number in numbers:
            await ask(number)

    tasks = [asyncio.ensure_future(lane()) for _ in range(lanes)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def question(number: int, settings: Settings) -> ModelRequest:
    """A short question as the run asks: its sampling, a picture where it shows some, limited where it limits.

    Text, picture and seed are those of this number alone: no cache answers it from another one.
    """
    parts: list[str | Picture] = [f"A test of this server. Count from {number}, and write as many numbers as you can."]
    if settings.picture:
        pixels = np.zeros((128, 128, 3), np.uint8)
        pixels[:] = number % 256, number // 256, 128
        parts.append(Picture(pixels))
    return ModelRequest(
        messages=(Message("user", tuple(parts)),),
        key=(2 * number).to_bytes(4, "big") * 4,  # whose seed is `number`
        sampling=replace(settings.sampling, max_tokens=min(settings.sampling.max_tokens, LONGEST)),
        choices=CHOICES if settings.choices else (),
    )
