"""The interquartile mean over the blocks of all games, of scores between those of `random` (0) and `scripted` (1).

R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, Deep Reinforcement Learning at the Edge of the
Statistical Precipice, NeurIPS 2021; each game has equal weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from arena.evaluate.intervals import t975_between

Floats = npt.NDArray[np.float64]
CUT = 0.25  # share that is left out at either end


def interquartile_mean(games: Sequence[Floats], who: int, zero: int, one: int) -> tuple[float, float, float] | None:
    """Estimate and 95% interval of operator `who`; games: block means (blocks, operators), nan where not played.

    The interval is that of a trimmed mean by its influence function (J. W. Tukey, D. H. McLaughlin, Sankhya A 25
    (1963), 331-352): values beyond the quartiles count as the quartiles do. What `zero` and `one` got is uncertain too:
    their blocks move the scale, and with it the mean. Student's t has the degrees of freedom of Welch and
    Satterthwaite, of the blocks between the quartiles.

    None where `one` is not ahead of `zero`, or a game has fewer than two blocks of any of the three.
    """
    scaled, ends = [], []
    for means in games:
        there = ~np.isnan(means)
        if min(there[:, slot].sum() for slot in (who, zero, one)) < 2:
            return None
        low, high = float(means[there[:, zero], zero].mean()), float(means[there[:, one], one].mean())
        if not high > low:
            return None
        scaled.append((means[there[:, who], who] - low) / (high - low))
        ends.append((low, high))
    values = np.concatenate(scaled)
    weights = np.concatenate([np.full(len(of), 1.0 / (len(of) * len(scaled))) for of in scaled])
    order = np.argsort(values, kind="stable")
    share = np.empty(len(values))
    share[order] = np.cumsum(weights[order])
    inside = np.clip(np.minimum(share, 1 - CUT) - np.maximum(share - weights, CUT), 0, None)
    middle = float(inside @ values / inside.sum())
    kept = inside > 0
    least, most = float(values[kept].min()), float(values[kept].max())
    split = np.cumsum([len(of) for of in scaled])[:-1]
    variances, freedoms = [], []
    for means, of, within, (low, high) in zip(games, scaled, np.split(inside, split), ends, strict=True):
        moved = np.zeros(len(means))  # what each block moves the mean by, times the number of blocks
        mine = np.clip(of, least, most) / (1 - 2 * CUT) / len(scaled)
        moved[~np.isnan(means[:, who])] += (mine - mine.mean()) * len(means) / len(of)
        slopes = float(within @ (of - 1)) / (1 - 2 * CUT), -float(within @ of) / (1 - 2 * CUT)
        for slot, slope in zip((zero, one), slopes, strict=True):
            there = ~np.isnan(means[:, slot])
            offset = means[there, slot] - means[there, slot].mean()
            moved[there] += slope * offset / (high - low) * len(means) / there.sum()
        count = max(2, round(float((within > 0).sum())))
        variances.append(float((moved**2).sum()) / len(means) ** 2 * count / (count - 1))
        freedoms.append(count - 1)
    variance = math.fsum(variances)
    if variance <= 0:
        return middle, middle, middle
    freedom = variance**2 / math.fsum(v * v / f for v, f in zip(variances, freedoms, strict=True))
    half = t975_between(freedom) * math.sqrt(variance)
    return middle, middle - half, middle + half
