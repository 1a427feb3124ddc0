"""The interquartile mean over the blocks of all games, of scores between those of `random` (0) and `scripted` (1).

R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, Deep Reinforcement Learning at the Edge of the
Statistical Precipice, NeurIPS 2021; each game has equal weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from arena.analysis.differences import block_means, block_sizes
from arena.analysis.outcomes import Outcomes
from arena.analysis.units import courses, people
from arena.evaluate.intervals import t975_between

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CUT = 0.25  # share that is left out at either end
NODES = 50  # places where a quartile may fall, equally likely
DEVIATIONS = [NormalDist().inv_cdf((at + 0.5) / NODES) for at in range(NODES)]


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one game."""

    means: Floats  # (blocks, operators): mean return, nan where an operator did not play it
    sizes: Floats  # (blocks, operators): its resolved matches
    lineup: Ints  # (blocks,): equal for equal line-ups
    unit: Ints  # (blocks,): equal for blocks that count as one; below the number of operators it is a person


def blocks_of(outcomes: Outcomes) -> Blocks:
    """Of the resolved matches of one game."""
    mine = outcomes.where(outcomes.resolved)
    _, first, block = np.unique(mine.block, return_index=True, return_inverse=True)
    lineup = np.unique(np.sort(mine.lineup[first], 1), axis=0, return_inverse=True)[1].reshape(-1)
    pool, unit = len(mine.operators), np.arange(len(first))
    if (persons := people(mine, block)) is not None:
        unit = persons.astype(np.int64)
    elif (went := courses(mine, block)) is not None:
        unit = pool + np.unique(went, return_inverse=True)[1]
    else:
        unit = pool + unit
    return Blocks(block_means(mine), block_sizes(mine), lineup.astype(np.int64), unit.astype(np.int64))


def interquartile_mean(
    games: Sequence[Blocks], who: int, zero: int, one: int
) -> tuple[float, float | None, float | None] | None:
    """Estimate and 95% interval of operator `who`. A block counts by its matches, as in scores.

    The variance is that of a trimmed mean by its influence function (J. W. Tukey, D. H. McLaughlin, Sankhya A 25
    (1963), 331-352): values beyond the quartiles count as the quartiles do. Scores of blocks have few values, and where
    a quartile falls between two of them the mean is no smooth function of the shares (S. M. Stigler, The Asymptotic
    Distribution of the Trimmed Mean, Annals of Statistics 1 (1973), 472-477): the function at the quartile that
    was seen is now too steep, now too flat. So it is averaged over where the quartile falls in samples of this size, as
    accuracy is taken from the smoothed form of an estimator that jumps (B. Efron, Estimation and Accuracy After Model
    Selection, JASA 109 (2014), 991-1007, section 3; in closed form as P. Buehlmann, B. Yu, Analyzing Bagging, Annals of
    Statistics 30 (2002), section 2).

    What `zero` and `one` got is uncertain too, and the mean is a ratio: over their distance. Its interval is that of
    E. C. Fieller (Some Problems in Interval Estimation, JRSS B 16 (1954), 175-185): the values that the blocks do not
    contradict, each with the variance that it would have if it were true. With several games a value moves all games
    alike, which is our extension.

    A schedule gives each line-up its share of the blocks, so what sets line-ups apart is no chance: variances are
    within line-ups (W. G. Cochran, Sampling Techniques (1977), 5.6, 5A.12 and 6.11, line-ups of one block together), or
    over people, and Student's t has the degrees of freedom of Welch and Satterthwaite.

    There is no interval where a game's blocks are mostly of line-ups that met in one block alone: nothing tells what is
    chance there from what sets line-ups apart. Nor is there one where all blocks went the same, or where `one` is not
    surely ahead of `zero`: then any mean is possible.

    None where `one` is not ahead of `zero`, or a game has fewer than two blocks of any of the three.
    """
    scaled, shares, ends = [], [], []
    for game in games:
        there = ~np.isnan(game.means)
        if min(there[:, slot].sum() for slot in (who, zero, one)) < 2:
            return None
        low, high = (float(game.means[there[:, slot], slot] @ _shares(game, slot)) for slot in (zero, one))
        if not high > low:
            return None
        scaled.append((game.means[there[:, who], who] - low) / (high - low))
        shares.append(_shares(game, who) / len(games))
        ends.append((low, high))
    values, weights = np.concatenate(scaled), np.concatenate(shares)
    order = np.argsort(values, kind="stable")
    share = np.empty(len(values))
    share[order] = np.cumsum(weights[order])
    inside = np.clip(np.minimum(share, 1 - CUT) - np.maximum(share - weights, CUT), 0, None) / (1 - 2 * CUT)
    middle = float(inside @ values / inside.sum())
    if not all(map(_repeated, games)):
        return middle, None, None
    split = np.cumsum([len(of) for of in scaled])[:-1]
    spread = math.sqrt(CUT * (1 - CUT) * float((weights**2).sum()))  # standard error of the share below a quartile
    counted = _counted(values[order], share[order], values, spread)
    moved, turned = [], []  # what each block moves the mean by; and how much more for each 1 that the mean is higher
    parts = zip(games, scaled, shares, np.split(counted, split), np.split(inside, split), ends, strict=True)
    for game, of, weight, mine, within, (low, high) in parts:
        by, more = np.zeros((2, len(game.means)))
        by[~np.isnan(game.means[:, who])] += (mine - mine @ weight / weight.sum()) * weight / (1 - 2 * CUT)
        slopes = (float(within @ (of - 1)), float(within.sum())), (-float(within @ of), -float(within.sum()))
        for slot, (slope, steeper) in zip((zero, one), slopes, strict=True):
            there = ~np.isnan(game.means[:, slot])
            offset = game.means[there, slot] - (low if slot == zero else high)
            offset *= _shares(game, slot) / (high - low)
            by[there] += slope * offset
            more[there] += steeper * offset
        moved.append(by)
        turned.append(more)
    return middle, *_fieller(games, middle, moved, turned)


def _shares(game: Blocks, slot: int) -> Floats:
    """Weights of the blocks that an operator played, of sum 1."""
    sizes = game.sizes[~np.isnan(game.means[:, slot]), slot]
    return np.asarray(sizes / sizes.sum())


def _counted(ordered: Floats, share: Floats, values: Floats, spread: float) -> Floats:
    """The values cut at the quartiles: the mean over where these may fall. share: of values up to each in order."""
    out = np.zeros(len(values))
    for deviation in DEVIATIONS:
        levels = np.array([CUT, 1 - CUT]) + deviation * spread
        least, most = ordered[np.minimum(np.searchsorted(share, levels), len(ordered) - 1)]
        out += np.clip(values, least, most)
    return out / NODES


def _fieller(
    games: Sequence[Blocks], middle: float, moved: Sequence[Floats], turned: Sequence[Floats]
) -> tuple[float | None, float | None]:
    """The values whose distance from `middle` is within t standard errors, which depend on the value."""
    variance, freedom = _variance(games, moved)
    if variance <= 0:
        return None, None
    scale = _variance(games, turned)[0]
    both = _variance(games, [one + two for one, two in zip(moved, turned, strict=True)])[0]
    square = t975_between(freedom) ** 2
    curve, slope = 1 - square * scale, square * (both - variance - scale) / 2
    if curve <= 0:
        return None, None
    half = math.sqrt(slope**2 + curve * square * variance)
    return middle + (slope - half) / curve, middle + (slope + half) / curve


def _repeated(game: Blocks) -> bool:
    """Whether most blocks are of line-ups with several blocks, or variances are over people."""
    sizes = np.bincount(game.lineup)[game.lineup]
    return bool((game.unit < game.means.shape[1]).any() or 2 * (sizes > 1).sum() > len(sizes))


def _variance(games: Sequence[Blocks], moved: Sequence[Floats]) -> tuple[float, float]:
    """Of the sum of what all units moved, and its degrees of freedom."""
    parts: list[tuple[float, int]] = []  # variance and degrees of freedom
    persons, rest = _sums(games, moved)
    for sums, stratum in rest:
        size = np.bincount(stratum)[stratum]
        stratum = np.where(size > 1, stratum, -1)
        for one in np.unique(stratum):
            mine = sums[stratum == one]
            count = len(mine)
            off = mine - mine.mean() if count > 1 else mine
            parts.append((float((off**2).sum()) * count / max(1, count - 1), max(1, count - 1)))
    if count := len(persons):
        parts.append((float((persons**2).sum()) * count / max(1, count - 1), max(1, count - 1)))
    variance = math.fsum(part for part, _ in parts)
    return variance, variance**2 / math.fsum(part**2 / free for part, free in parts) if variance > 0 else 1.0


def _sums(games: Sequence[Blocks], of: Sequence[Floats]) -> tuple[Floats, list[tuple[Floats, Ints]]]:
    """Of each person over all games; and at each game of each other unit, with its line-up."""
    pool = games[0].means.shape[1]
    persons: dict[int, float] = {}
    rest = []
    for game, each in zip(games, of, strict=True):
        number, first, unit = np.unique(game.unit, return_index=True, return_inverse=True)
        sums = np.bincount(unit, each)
        for person, total in zip(number[number < pool].tolist(), sums[number < pool].tolist(), strict=True):
            persons[person] = persons.get(person, 0.0) + total
        alone = number >= pool
        rest.append((sums[alone], game.lineup[first[alone]]))
    return np.array(list(persons.values())), rest
