"""True values of leagues whose strengths are known: by the normal distribution, without a match."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.analysis.middle import CUT

Floats = npt.NDArray[np.float64]
VALUES = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])  # that the mean return of a mirrored block of two may have
PHI = np.vectorize(NormalDist().cdf)


def block_shares(
    strengths: Sequence[float],
    who: int,
    *,
    ties: float = 0.3,
    seat: Sequence[float] = (0.2,),
    noise: float | Sequence[float] = 1.0,
    taste: float = 0.35,
) -> Floats:
    """How often each of VALUES is the mean of an operator's block in `scripts.eval.leagues.league`.

    Of games of two with wins and without luck, over all line-ups. The deal suits both of a block's matches, so these
    are independent for a given deal; deals are integrated out by Gauss-Hermite quadrature.
    """
    nodes, chance = np.polynomial.hermite_e.hermegauss(80)
    spread = np.broadcast_to(noise, len(strengths))
    out = np.zeros(len(VALUES))
    for other in set(range(len(strengths))) - {who}:
        deviation = float(np.hypot(spread[who], spread[other]))
        matches = []
        for sign in (1, -1):
            ahead = strengths[who] - strengths[other] + sign * seat[0] + taste * np.sqrt(2) * nodes
            lost, won = PHI((-ties - ahead) / deviation), PHI((ahead - ties) / deviation)
            matches.append((lost, 1 - lost - won, won))
        for first in range(3):
            for second in range(3):
                out[first + second] += (matches[0][first] * matches[1][second]) @ chance
    return out / out.sum()


def middle(strengths: Sequence[float], who: int, zero: int, one: int, **how: Any) -> float:
    """The interquartile mean of `who` at such a game; `how`: as in `block_shares`."""
    low, high = (float(block_shares(strengths, slot, **how) @ VALUES) for slot in (zero, one))
    shares = block_shares(strengths, who, **how)
    up_to = np.cumsum(shares)
    inside = np.clip(np.minimum(up_to, 1 - CUT) - np.maximum(up_to - shares, CUT), 0, None)
    return (float(inside @ VALUES / inside.sum()) - low) / (high - low)
