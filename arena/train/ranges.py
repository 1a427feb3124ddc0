"""The ranges of settings, and the refusal of a value outside. There is no torch here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from arena.errors import InputError


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers that a setting may be; infinity and NaN are in none."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False  # more than `low`, which is outside
    below: bool = False  # less than `high`, which is outside

    def holds(self, value: float) -> bool:
        """Whether a value lies within."""
        low = self.low < value if self.above else self.low <= value
        high = value < self.high if self.below else value <= self.high
        return math.isfinite(value) and low and high

    def __str__(self) -> str:
        words = []
        if math.isfinite(self.low):
            words.append(f"{'more than' if self.above else 'at least'} {self.low:g}")
        if math.isfinite(self.high):
            words.append(f"{'less than' if self.below else 'at most'} {self.high:g}")
        return " and ".join(words) or "a number that is finite"


ANY, COUNT, LEAST_0, ABOVE_0 = Range(), Range(1), Range(0), Range(0, above=True)
SHARE, SOME = Range(0, 1), Range(0, 1, above=True)
DECAY = Range(0, 1, below=True)  # of a running mean: at 1 it never hears of anything


def check(part: str, config: object, ranges: Mapping[str, Range]) -> None:
    """InputError for the first setting of `config`, which is `part` of the whole, that lies outside its range.

    Each number of a tuple must lie within; None is what a setting is by itself.
    """
    for name, allowed in ranges.items():
        value = getattr(config, name)
        every = value if isinstance(value, tuple) else (value,)
        if not all(one is None or allowed.holds(one) for one in every):
            shown = list(value) if isinstance(value, tuple) else value
            finite = all(one is None or math.isfinite(one) for one in every)
            raise InputError(f"{part}{'.' * bool(part)}{name}={shown}: expected {allowed}{', a number' * (not finite)}")
