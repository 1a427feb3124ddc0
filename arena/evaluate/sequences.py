"""Always-valid intervals: they hold whenever one looks at them, so a run may stop where one of them is narrow enough.

An ordinary 95% interval that is looked at after every block misses in far more than 5% of runs.
"""

from __future__ import annotations

import math

ALPHA = 0.05
CAP = 0.5  # most that is bet on one value
FIRST = 64  # values before an interval without known bounds


class Sequence:
    """A 95% confidence sequence of the mean of independent values, updated value by value in constant memory.

    With `bounds` of a value: the predictable plug-in empirical Bernstein sequence of I. Waudby-Smith and A. Ramdas,
    Estimating means of bounded random variables by betting, JRSS B 86 (2024), theorem 2; it holds at all sample sizes.
    Without: the asymptotic one of I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas, Time-uniform
    central limit theory and asymptotic confidence sequences, Annals of Statistics 52 (2024), theorem 2.2, from `FIRST`
    values on.
    """

    def __init__(self, bounds: tuple[float, float] | None = None, alpha: float = ALPHA) -> None:
        if bounds is not None and not bounds[0] < bounds[1]:
            raise ValueError(f"bounds {bounds}: the first must be less than the second")
        self._bounds = bounds
        self._alpha = alpha
        self.count = 0
        self._sum = 0.0
        self._squares = 0.0  # around the running mean (Welford), without bounds
        self._mean = 0.0
        self._spread = 0.25  # sum of squares around the means before, scaled; begun as the source says
        self._bets = self._won = self._cost = 0.0
        self._low, self._high = -math.inf, math.inf

    def add(self, value: float) -> None:
        """One more value. ValueError if it is outside the bounds."""
        self.count += 1
        if self._bounds is None:
            self._add_any(value)
        else:
            self._add_bounded(value, *self._bounds)

    @property
    def interval(self) -> tuple[float, float]:
        """(low, high); infinite before there is one."""
        return self._low, self._high

    @property
    def width(self) -> float:
        """High less low."""
        return self._high - self._low

    def _add_bounded(self, value: float, low: float, high: float) -> None:
        scaled = (value - low) / (high - low)
        if not -1e-9 <= scaled <= 1 + 1e-9:
            raise ValueError(f"value {value} is outside its bounds {low} to {high}")
        number = self.count
        before = (0.5 + self._sum) / number  # the mean of what came before, shrunk to the middle
        variance = self._spread / number
        evidence = math.log(2 / self._alpha)
        bet = min(CAP, math.sqrt(2 * evidence / (variance * number * math.log(1 + number))))
        self._bets += bet
        self._won += bet * scaled
        self._cost += 4 * (scaled - before) ** 2 * (-math.log(1 - bet) - bet) / 4
        self._sum += scaled
        self._spread += (scaled - (0.5 + self._sum) / (number + 1)) ** 2
        middle, half = self._won / self._bets, (evidence + self._cost) / self._bets
        # Every interval so far holds at once, so their intersection does.
        self._low = max(self._low, low + max(0.0, middle - half) * (high - low))
        self._high = min(self._high, low + min(1.0, middle + half) * (high - low))

    def _add_any(self, value: float) -> None:
        before = value - self._mean
        self._mean += before / self.count
        self._squares += before * (value - self._mean)
        if self.count < FIRST or self._squares <= 0:
            return
        number, variance = self.count, self._squares / (self.count - 1)
        # Tightest around FIRST * 5 values: the source's equation for the parameter.
        tuned = (-2 * math.log(self._alpha) + math.log(-2 * math.log(self._alpha) + 1)) / (FIRST * 5)
        scale = number * tuned + 1
        half = math.sqrt(variance * 2 * scale / (number * number * tuned) * math.log(math.sqrt(scale) / self._alpha))
        self._low, self._high = self._mean - half, self._mean + half
