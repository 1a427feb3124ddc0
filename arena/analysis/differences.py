"""Who is ahead of whom at one game, by how much, and how sure that is."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import numpy.typing as npt

from arena.analysis.outcomes import EMPTY, Outcomes
from arena.analysis.pairs import pairs
from arena.analysis.resample import Estimate, Resampler, estimate, rate_interval
from arena.analysis.units import units

Floats = npt.NDArray[np.float64]


class Rate(msgspec.Struct, frozen=True):
    """A share of matches, with Wilson's 95% interval for blocks."""

    hits: int
    count: int
    low: float
    high: float


class Difference(msgspec.Struct, kw_only=True):
    """One operator less another, over the matches (or equal starts) in which both played. In the game's unit."""

    one: str
    other: str
    matches: int
    blocks: int  # that they have in common; without chance in the game, those that went the same way are one, and so
    # are those with the same person, where several sat there
    effective: float  # blocks of equal size that would be as sure
    difference: float | None = None
    low: float | None = None  # 95% interval, by the bootstrap over blocks
    high: float | None = None
    p: float | None = None  # that such a difference comes of chance
    p_holm: float | None = None  # the same, corrected for the number of pairs at this game
    detectable: float | None = None  # a true difference that is found in 80% of such comparisons
    wins: Rate | None = None  # of matches in which `one` had more; None where they never met in a match
    draws: int = 0
    losses: int = 0
    better: float | None = None  # chance that `one` does better in a block, half of the equal ones counted
    better_low: float | None = None  # its 95% interval, as that of a share
    better_high: float | None = None


def differences(outcomes: Outcomes, draw: Resampler) -> list[Difference]:
    """All pairs of the pool that played the same blocks of one game. Unresolved matches are left out."""
    resolved = outcomes.where(outcomes.resolved)
    blocks, block = np.unique(resolved.block, return_inverse=True)
    sums, counts = _by_block(resolved, block, len(blocks))
    found = pairs(resolved)
    met = {(one, two): at for at, (one, two) in enumerate(zip(found.one.tolist(), found.two.tolist(), strict=True))}
    starts = np.searchsorted(found.cells.pair, np.arange(len(found.one) + 1))
    out = []
    for who in itertools.combinations(range(len(resolved.operators)), 2):
        won: Floats | None = None
        lost: Floats | None = None
        there = _sat(resolved, who)
        if (at := met.get(who)) is not None:
            mine = slice(starts[at], starts[at + 1])
            cells, size = found.cells, len(blocks)
            sizes, totals, won, lost = (
                np.bincount(cells.block[mine], values[mine], size).astype(np.float64)
                for values in (cells.matches, cells.total, cells.wins, cells.losses)
            )
            played = there[:, 0] & there[:, 1]
        else:  # each alone, over equal starts
            one, two = counts[:, who].T
            sizes = np.minimum(one, two)
            gap = sums[:, who] / np.maximum(counts[:, who], 1)
            totals, played = (gap[:, 0] - gap[:, 1]) * sizes, there[:, 0] | there[:, 1]
        if sizes.any():
            groups = units(resolved, block, who, played)
            out.append(_difference(resolved.operators, who, sizes, totals, won, lost, groups, draw))
    for one_of, p in zip(out, holm([one_of.p for one_of in out]), strict=True):
        one_of.p_holm = p
    return out


def _difference(
    names: tuple[str, ...],
    who: tuple[int, int],
    sizes: Floats,
    totals: Floats,
    won: Floats | None,
    lost: Floats | None,
    groups: npt.NDArray[np.uint64] | None,
    draw: Resampler,
) -> Difference:
    found = estimate(sizes, totals, groups, draw)
    assert found is not None
    there = (sizes > 0).astype(np.float64)
    ahead = (np.sign(totals) + 1) / 2 * there
    better = rate_interval(ahead, there, groups)
    matches = int(sizes.sum())
    wins = None if won is None else Rate(int(won.sum()), matches, *rate_interval(won, sizes, groups))
    losses = 0 if lost is None else int(lost.sum())
    return Difference(
        one=names[who[0]],
        other=names[who[1]],
        matches=matches,
        blocks=found.blocks,
        effective=found.effective,
        difference=found.mean,
        low=found.low,
        high=found.high,
        p=found.p,
        detectable=found.detectable,
        wins=wins,
        draws=0 if wins is None else matches - wins.hits - losses,
        losses=losses,
        better=float(ahead.sum() / there.sum()),
        better_low=better[0],
        better_high=better[1],
    )


def scores(outcomes: Outcomes) -> list[Estimate | None]:
    """The mean return of each operator, with the interval of the tables of a run."""
    resolved = outcomes.where(outcomes.resolved)
    blocks, block = np.unique(resolved.block, return_inverse=True)
    sums, counts = _by_block(resolved, block, len(blocks))
    out = []
    for who in range(len(outcomes.operators)):
        played = (resolved.lineup == who).any(axis=1)
        out.append(estimate(counts[:, who], sums[:, who], units(resolved, block, (who,), played)))
    return out


def block_means(outcomes: Outcomes) -> Floats:
    """(blocks, operators): mean return in each block; nan where an operator did not play it."""
    resolved = outcomes.where(outcomes.resolved)
    blocks, block = np.unique(resolved.block, return_inverse=True)
    sums, counts = _by_block(resolved, block, len(blocks))
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def block_sizes(outcomes: Outcomes) -> Floats:
    """(blocks, operators): resolved matches of each operator in each block."""
    resolved = outcomes.where(outcomes.resolved)
    blocks, block = np.unique(resolved.block, return_inverse=True)
    return _by_block(resolved, block, len(blocks))[1]


def _by_block(outcomes: Outcomes, block: npt.NDArray[np.intp], blocks: int) -> tuple[Floats, Floats]:
    """Sums of returns, and numbers of matches, (blocks, operators)."""
    shape = (blocks, len(outcomes.operators))
    sums, counts = np.zeros(shape), np.zeros(shape)
    for seat in range(outcomes.lineup.shape[1]):
        there = outcomes.lineup[:, seat] != EMPTY
        place = block[there], outcomes.lineup[there, seat]
        np.add.at(sums, place, outcomes.returns[there, seat])
        np.add.at(counts, place, 1.0)
    return sums, counts


def _sat(outcomes: Outcomes, who: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """(matches, 2): whether each of two sat there."""
    return np.stack([(outcomes.lineup == one).any(axis=1) for one in who], axis=1)


def holm(ps: list[float | None]) -> list[float | None]:
    """Corrected for their number: S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70."""
    known = sorted((p, at) for at, p in enumerate(ps) if p is not None)
    out: list[float | None] = [None] * len(ps)
    highest = 0.0
    for rank, (p, at) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        out[at] = highest
    return out


def rank_sets(names: tuple[str, ...], found: list[Difference]) -> dict[str, tuple[int, int]]:
    """The ranks that each may have: it is behind those that are surely better, and ahead of those surely worse.

    M. Mogstad, J. P. Romano, A. M. Shaikh, D. Wilhelm, Inference for Ranks, Review of Economic Studies 91 (2024), with
    Holm's correction for simultaneous statements.
    """
    above, below = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for pair in found:
        if pair.p_holm is None or pair.p_holm >= 0.05 or pair.difference is None or math.isclose(pair.difference, 0):
            continue
        better, worse = (pair.one, pair.other) if pair.difference > 0 else (pair.other, pair.one)
        below[better] += 1
        above[worse] += 1
    return {name: (1 + above[name], len(names) - below[name]) for name in names}
