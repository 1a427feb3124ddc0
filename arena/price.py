"""What a model's tokens cost: an operator's option `price`, per million tokens, in whatever currency it is meant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

MILLION = 1_000_000
FORM = "IN/OUT or IN/OUT/CACHED, per million tokens, e.g. 0.15/0.60"


class Price(NamedTuple):
    """Of a million tokens."""

    prompt: float
    completion: float
    cached: float  # of the prompt, where the server had them in its cache

    def of(self, prompt: int, completion: int, cached: int = 0) -> float:
        """What so many tokens cost; `cached` are some of `prompt`."""
        cached = min(cached, prompt)
        return ((prompt - cached) * self.prompt + completion * self.completion + cached * self.cached) / MILLION


def parse(text: str) -> Price:
    """`0.15/0.60`, or with a price of cached tokens `0.15/0.60/0.075`; ValueError for anything else.

    Without it, cached tokens cost what others do.
    """
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    if len(parts) not in (2, 3) or not all(0 <= part < math.inf for part in parts):
        raise ValueError(f"price={text}: expected {FORM}")
    return Price(parts[0], parts[1], parts[2] if len(parts) == 3 else parts[0])


def price_of(options: Mapping[str, Any]) -> Price | None:
    """By an operator's options; None where it has none."""
    given = options.get("price")
    return None if given is None else parse(str(given))
