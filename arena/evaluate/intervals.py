"""Intervals of means. The unit of statistics is the block: matches of one deal are not independent.

Blocks may be of unequal size (one is cut, or lost a match), so the mean over matches is a ratio: the blocks' sums over
their sizes. Its variance is that of W. G. Cochran, Sampling Techniques, 3rd ed. (1977): chapter 6 on ratio estimators,
and chapter 9A on clusters of unequal sizes. For blocks of equal size it is that of the mean of block means.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Two-sided 97.5% quantiles of Student's t for 1..30 degrees of freedom; beyond, the expansion below.
_T975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
NORMAL = 2000  # degrees of freedom from which on Student's t is taken for normal


def t975(freedom: int) -> float:
    """The 97.5% quantile of Student's t (Cornish-Fisher expansion above 30 degrees of freedom)."""
    if freedom <= len(_T975):
        return _T975[freedom - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def t975_between(freedom: float) -> float:
    """The same for a number of degrees of freedom, at least 1, that need not be whole: by its inverse."""
    below = math.floor(freedom)
    if below == freedom:
        return t975(below)
    share = (1 / below - 1 / freedom) / (1 / below - 1 / (below + 1))
    return (1 - share) * t975(below) + share * t975(below + 1)


def student_tail(t: float, freedom: int) -> float:
    """P(|T| > t) of Student's t with a whole number of degrees of freedom.

    M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4.
    """
    if freedom > NORMAL:
        return math.erfc(t / math.sqrt(2))
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    term = math.cos(angle) if freedom % 2 else 1.0
    total = 0.0
    for order in range(freedom % 2, freedom, 2):
        total += term
        term *= square * (order + 1) / (order + 2)
    within = 2 / math.pi * (angle + sine * total) if freedom % 2 else sine * total
    return min(1.0, max(0.0, 1.0 - within))


def student_quantile(tail: float, freedom: int) -> float:
    """The value that |T| of Student's t exceeds with the probability `tail`, by bisection."""
    low, high = 0.0, 1.0
    while student_tail(high, freedom) > tail:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_tail(middle, freedom) > tail else (low, middle)
    return high


def wilson(hits: float, count: float) -> tuple[float, float]:
    """The 95% score interval of a rate; (0, 1) for a `count` of none.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if count == 0:
        return 0.0, 1.0
    z, rate = 1.959964, hits / count
    middle = (rate + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The 95% t-interval of the mean of independent `values`; (None, None) for fewer than two."""
    n = len(values)
    if n < 2:
        return None, None
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    half = t975(n - 1) * math.sqrt(variance / n)
    return mean - half, mean + half


class Sum:
    """A running sum with compensated rounding (Neumaier)."""

    __slots__ = ("_lost", "_sum")

    def __init__(self) -> None:
        self._sum = self._lost = 0.0

    def add(self, value: float) -> None:
        total = self._sum + value
        if abs(self._sum) >= abs(value):
            self._lost += (self._sum - total) + value
        else:
            self._lost += (value - total) + self._sum
        self._sum = total

    @property
    def value(self) -> float:
        return self._sum + self._lost


class BlockMean:
    """The mean over matches in blocks, computed block by block in constant memory."""

    def __init__(self) -> None:
        self.matches = 0
        self.blocks = 0
        self.total = Sum()
        self._least = math.inf  # of the blocks' own means
        self._most = -math.inf
        # Of the blocks' means, each weighted by the square of its size: their mean, and the sum of squares around it.
        self._weight = self._centre = self._squares = 0.0

    def add(self, size: int, total: float) -> None:
        """Add one block: its number of matches and the sum of their returns. A block without matches is ignored."""
        if not size:
            return
        self.matches += size
        self.blocks += 1
        self.total.add(total)
        mean, weight = total / size, float(size * size)
        self._least, self._most = min(self._least, mean), max(self._most, mean)
        self._weight += weight
        before = mean - self._centre
        self._centre += before * weight / self._weight
        self._squares += weight * before * (mean - self._centre)

    @property
    def sum(self) -> float:
        return self.total.value

    @property
    def mean(self) -> float | None:
        """The mean over all matches; None without any."""
        return self.total.value / self.matches if self.matches else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the mean, Student's t with one degree of freedom less than there are blocks.

        None for fewer than two blocks, and if all have the same mean: equal means say nothing about the uncertainty.
        """
        mean = self.mean
        if mean is None or self.blocks < 2 or math.isclose(self._least, self._most, rel_tol=1e-9, abs_tol=1e-12):
            return None
        squares = self._squares + self._weight * (mean - self._centre) ** 2
        variance = self.blocks / (self.blocks - 1) * squares / self.matches**2
        half = t975(self.blocks - 1) * math.sqrt(variance) if math.isfinite(variance) else math.nan
        low, high = mean - half, mean + half
        return (low, high) if low < mean < high and math.isfinite(low) and math.isfinite(high) else None


@dataclass(slots=True)
class BlockShare:
    """The share of hits over matches in blocks, computed block by block in constant memory.

    The interval is Wilson's, for as many independent matches as would be as sure: matches over the design effect of
    their blocks (N. Dean, M. Pagano, Journal of Survey Statistics and Methodology 3 (2015), 484-503), less where there
    are few blocks, and never more than there are matches (E. L. Korn, B. I. Graubard, Survey Methodology 24 (1998),
    193-201). Where all matches were hits, or none, nothing says how alike those of a block are: the blocks are counted,
    by L. Kish's effective number (Survey Sampling, 1965).
    """

    matches: int = 0
    blocks: int = 0
    hits: float = 0.0
    hits_squared: float = 0.0  # sums of squares and of products over blocks
    sizes_squared: float = 0.0
    products: float = 0.0

    def add(self, size: int, hits: float) -> None:
        """Add one block: its number of matches and how many were hits. A block without matches is ignored."""
        self.matches += size
        self.blocks += size > 0
        self.hits += hits
        self.hits_squared += hits * hits
        self.sizes_squared += size * size
        self.products += hits * size

    @property
    def sum(self) -> float:
        return self.hits

    @property
    def mean(self) -> float | None:
        """The share; None without any match."""
        return self.hits / self.matches if self.matches else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval; that of one match where there is one block, None without any."""
        rate, count, blocks = self.mean, self.matches, self.blocks
        if rate is None or blocks < 2:
            return None if rate is None else wilson(rate, 1.0)
        few = (t975(max(1, count - 1)) / t975(blocks - 1)) ** 2
        if 0 < rate < 1:
            squares = self.hits_squared - 2 * rate * self.products + rate * rate * self.sizes_squared
            variance = blocks / (blocks - 1) * max(0.0, squares) / count**2
            effective = min(count, few * rate * (1 - rate) / variance) if variance > 0 else few * count
        else:
            effective = few * count**2 / self.sizes_squared
        return wilson(rate * effective, effective)
