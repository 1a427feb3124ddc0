"""The probability of improvement over games: the mean of the games' chances that one does better than the other.

R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, Deep Reinforcement Learning at the Edge of the
Statistical Precipice, NeurIPS 2021; each game has equal weight.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import msgspec

from arena.analysis.differences import Difference


class Better(msgspec.Struct, kw_only=True):
    """Chance that `one` does better in a block, half of the equal ones counted; mean of the games."""

    one: str
    other: str
    value: float
    low: float  # 95% interval
    high: float


def over_games(games: Sequence[Sequence[Difference]], people: Collection[str] = ()) -> list[Better]:
    """Of the differences at each game: those of pairs that played at all of them.

    Deals of different games are independent, so the interval is that of a mean of independent shares, made of their own
    intervals (G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008), 1693-1702). Where several `people` sat with the
    two, they are the same at every game: low and high are the means of the games', which hold however much games depend
    on each other.
    """
    found = [{(pair.one, pair.other): pair for pair in pairs} for pairs in games]
    out = []
    for one, other in found[0]:
        shares = [
            (pair.better, pair.better_low, pair.better_high)
            for pair in (pairs.get((one, other)) for pairs in found)
            if pair is not None and pair.better is not None
        ]
        if len(shares) < len(games):
            continue
        mean = math.fsum(share[0] for share in shares) / len(shares)
        add = math.fsum if len(set(people) - {one, other}) > 1 else lambda parts: math.hypot(*parts)
        below = add([value - low for value, low, _ in shares if low is not None]) / len(shares)
        above = add([high - value for value, _, high in shares if high is not None]) / len(shares)
        out.append(Better(one=one, other=other, value=mean, low=mean - below, high=mean + above))
    return out
