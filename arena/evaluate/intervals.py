"""Intervals of means. The unit of statistics is the block: matches of one deal are not independent."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Two-sided 97.5% quantiles of Student's t for 1..30 degrees of freedom; beyond, the expansion below.
_T975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def t975(freedom: int) -> float:
    """The 97.5% quantile of Student's t (Cornish-Fisher expansion above 30 degrees of freedom)."""
    if freedom <= len(_T975):
        return _T975[freedom - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def mean_interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The 95% t-interval of the mean of independent `values`; (None, None) for fewer than two."""
    n = len(values)
    if n < 2:
        return None, None
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    half = t975(n - 1) * math.sqrt(variance / n)
    return mean - half, mean + half
