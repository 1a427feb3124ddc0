"""The interquartile mean over the blocks of all games, of scores between those of `random` (0) and `scripted` (1).

R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, Deep Reinforcement Learning at the Edge of the
Statistical Precipice, NeurIPS 2021; each game has equal weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arena.analysis.differences import block_means
from arena.analysis.outcomes import Outcomes
from arena.analysis.units import courses, people
from arena.evaluate.intervals import t975_between

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CUT = 0.25  # share that is left out at either end


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one game."""

    means: Floats  # (blocks, operators): mean return, nan where an operator did not play
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
    return Blocks(block_means(mine), lineup.astype(np.int64), unit.astype(np.int64))


def interquartile_mean(
    games: Sequence[Blocks], who: int, zero: int, one: int
) -> tuple[float, float | None, float | None] | None:
    """Estimate and 95% interval of operator `who`.

    The interval is that of a trimmed mean by its influence function (J. W. Tukey, D. H. McLaughlin, Sankhya A 25
    (1963), 331-352): values beyond the quartiles count as the quartiles do. What `zero` and `one` got is uncertain too:
    their blocks move the scale, and with it the mean. A schedule gives each line-up its share of the blocks, so what
    sets line-ups apart is no chance: variances are within line-ups (W. G. Cochran, Sampling Techniques (1977), 5.6 and
    5A.12, line-ups of one block together), or over people, and Student's t has the degrees of freedom of Welch and
    Satterthwaite.

    There is no interval where a game's blocks are mostly of line-ups that met in one block alone: nothing tells what is
    chance there from what sets line-ups apart. Nor is there one where all blocks went the same.

    None where `one` is not ahead of `zero`, or a game has fewer than two blocks of any of the three.
    """
    scaled, ends = [], []
    for game in games:
        there = ~np.isnan(game.means)
        if min(there[:, slot].sum() for slot in (who, zero, one)) < 2:
            return None
        low, high = (float(game.means[there[:, slot], slot].mean()) for slot in (zero, one))
        if not high > low:
            return None
        scaled.append((game.means[there[:, who], who] - low) / (high - low))
        ends.append((low, high))
    values = np.concatenate(scaled)
    weights = np.concatenate([np.full(len(of), 1.0 / (len(of) * len(scaled))) for of in scaled])
    order = np.argsort(values, kind="stable")
    share = np.empty(len(values))
    share[order] = np.cumsum(weights[order])
    inside = np.clip(np.minimum(share, 1 - CUT) - np.maximum(share - weights, CUT), 0, None)
    middle = float(inside @ values / inside.sum())
    if not all(map(_repeated, games)):
        return middle, None, None
    least, most = float(values[inside > 0].min()), float(values[inside > 0].max())
    split = np.cumsum([len(of) for of in scaled])[:-1]
    moved = []  # what each block moves the mean by
    for game, of, within, (low, high) in zip(games, scaled, np.split(inside, split), ends, strict=True):
        mine = np.clip(of, least, most) / (1 - 2 * CUT) / len(scaled)
        by = np.zeros(len(game.means))
        by[~np.isnan(game.means[:, who])] += (mine - mine.mean()) / len(of)
        slopes = float(within @ (of - 1)) / (1 - 2 * CUT), -float(within @ of) / (1 - 2 * CUT)
        for slot, slope in zip((zero, one), slopes, strict=True):
            there = ~np.isnan(game.means[:, slot])
            offset = game.means[there, slot] - game.means[there, slot].mean()
            by[there] += slope * offset / (high - low) / there.sum()
        moved.append(by)
    variance, freedom = _variance(games, moved)
    if variance <= 0:
        return middle, None, None
    half = t975_between(freedom) * math.sqrt(variance)
    return middle, middle - half, middle + half


def _repeated(game: Blocks) -> bool:
    """Whether most blocks are of line-ups with several blocks, or variances are over people."""
    sizes = np.bincount(game.lineup)[game.lineup]
    return bool((game.unit < game.means.shape[1]).any() or 2 * (sizes > 1).sum() > len(sizes))


def _variance(games: Sequence[Blocks], moved: Sequence[Floats]) -> tuple[float, float]:
    """Of the sum of what all units moved, and its degrees of freedom."""
    pool = games[0].means.shape[1]
    persons: dict[int, float] = {}
    parts: list[tuple[float, int]] = []  # variance and degrees of freedom
    for game, by in zip(games, moved, strict=True):
        number, first, unit = np.unique(game.unit, return_index=True, return_inverse=True)
        sums = np.bincount(unit, by)
        for person, total in zip(number[number < pool].tolist(), sums[number < pool].tolist(), strict=True):
            persons[person] = persons.get(person, 0.0) + total
        alone = number >= pool
        sums, stratum = sums[alone], game.lineup[first[alone]]
        size = np.bincount(stratum)[stratum]
        stratum = np.where(size > 1, stratum, -1)
        for one in np.unique(stratum):
            mine = sums[stratum == one]
            count = len(mine)
            off = mine - mine.mean() if count > 1 else mine
            parts.append((float((off**2).sum()) * count / max(1, count - 1), max(1, count - 1)))
    if persons:
        count = len(persons)
        squares = math.fsum(total**2 for total in persons.values())
        parts.append((squares * count / max(1, count - 1), max(1, count - 1)))
    variance = math.fsum(part for part, _ in parts)
    return variance, variance**2 / math.fsum(part**2 / free for part, free in parts) if variance > 0 else 1.0
