"""Who is ahead of whom at one game, by how much, and how sure that is."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from arena.analysis.outcomes import EMPTY, Outcomes
from arena.analysis.resample import Estimate, Resampler, estimate
from arena.evaluate.clusters import joined
from arena.evaluate.intervals import wilson

Floats = npt.NDArray[np.float64]


class Rate(msgspec.Struct, frozen=True):
    """A share of matches, with Wilson's 95% interval."""

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


def differences(outcomes: Outcomes, draw: Resampler) -> list[Difference]:
    """All pairs of the pool that played the same blocks of one game. Unresolved matches are left out."""
    resolved = outcomes.where(outcomes.resolved)
    blocks, block = np.unique(resolved.block, return_inverse=True)
    sums, counts = _by_block(resolved, block, len(blocks))
    went = courses(resolved, block, len(blocks))
    out = []
    for one in range(len(outcomes.operators)):
        for other in range(one + 1, len(outcomes.operators)):
            found = _pair(resolved, block, sums, counts, went, one, other, draw)
            if found is not None:
                out.append(found)
    for found, p in zip(out, holm([found.p for found in out]), strict=True):
        found.p_holm = p
    return out


def _pair(
    outcomes: Outcomes,
    block: npt.NDArray[np.intp],
    sums: Floats,
    counts: Floats,
    went: npt.NDArray[np.uint64] | None,
    one: int,
    other: int,
    draw: Resampler,
) -> Difference | None:
    mine, theirs = (_returns_of(outcomes, who) for who in (one, other))
    met = ~np.isnan(mine) & ~np.isnan(theirs)
    names = outcomes.operators
    if met.any():
        gaps = (mine - theirs)[met]
        sizes: Floats = np.bincount(block[met], minlength=len(sums)).astype(np.float64)
        totals: Floats = np.bincount(block[met], gaps, minlength=len(sums)).astype(np.float64)
        won, lost = int((gaps > 0).sum()), int((gaps < 0).sum())
        rate: Rate | None = Rate(won, len(gaps), *wilson(won, len(gaps)))
        draws, matches = len(gaps) - won - lost, len(gaps)
        played = met
    else:
        both = (counts[:, one] > 0) & (counts[:, other] > 0)
        if not both.any():
            return None
        sizes = np.where(both, np.minimum(counts[:, one], counts[:, other]), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = sums[:, one] / counts[:, one] - sums[:, other] / counts[:, other]
        totals = np.where(both, gap, 0.0) * sizes
        rate, draws, lost, matches = None, 0, 0, int(sizes.sum())
        played = ~np.isnan(mine) | ~np.isnan(theirs)
    there = sizes > 0
    clusters = _clusters(outcomes, block, len(sums), played, {one, other})
    found = estimate(sizes, totals, went if clusters is None else clusters, draw)
    assert found is not None
    ahead = np.sign(totals[there])
    return Difference(
        one=names[one],
        other=names[other],
        matches=matches,
        blocks=found.blocks,
        effective=found.effective,
        difference=found.mean,
        low=found.low,
        high=found.high,
        p=found.p,
        detectable=found.detectable,
        wins=rate,
        draws=draws,
        losses=lost,
        better=float(((ahead > 0) + 0.5 * (ahead == 0)).mean()),
    )


def scores(outcomes: Outcomes, draw: Resampler) -> list[Estimate | None]:
    """The mean return of each operator."""
    resolved = outcomes.where(outcomes.resolved)
    blocks, block = np.unique(resolved.block, return_inverse=True)
    sums, counts = _by_block(resolved, block, len(blocks))
    went = courses(resolved, block, len(blocks))
    out = []
    for who in range(len(outcomes.operators)):
        played = (outcomes.lineup == who).any(axis=1)
        clusters = _clusters(outcomes, block, len(blocks), played, {who})
        out.append(estimate(counts[:, who], sums[:, who], went if clusters is None else clusters, draw))
    return out


def block_means(outcomes: Outcomes) -> Floats:
    """(blocks, operators): mean return in each block; nan where an operator did not play it."""
    resolved = outcomes.where(outcomes.resolved)
    blocks, block = np.unique(resolved.block, return_inverse=True)
    sums, counts = _by_block(resolved, block, len(blocks))
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


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


def _returns_of(outcomes: Outcomes, who: int) -> Floats:
    """Of each match; nan where it did not play."""
    out = np.full(len(outcomes), np.nan)
    for seat in range(outcomes.lineup.shape[1]):
        there = outcomes.lineup[:, seat] == who
        out[there] = outcomes.returns[there, seat]
    return out


def _clusters(
    outcomes: Outcomes, block: npt.NDArray[np.intp], blocks: int, played: npt.NDArray[np.bool_], about: set[int]
) -> npt.NDArray[np.uint64] | None:
    """Which blocks belong together since the same person sat there in what was `played`, as one number each.

    None: no two people, or groups of them, whom the estimate is not `about`. See arena/evaluate/clusters.py.
    """
    others = sorted(outcomes.people - about)
    if not others:
        return None
    there = np.zeros((blocks, len(others)), bool)
    for slot, who in enumerate(others):
        there[block[played & (outcomes.lineup == who).any(axis=1)], slot] = True
    groups = joined(frozenset(np.flatnonzero(row).tolist()) for row in np.unique(there[there.any(axis=1)], axis=0))
    if len(groups) < 2:
        return None
    out = len(groups) + np.arange(blocks, dtype=np.uint64)
    for number, group in enumerate(groups):
        out[there[:, sorted(group)].any(axis=1)] = number
    return out


def courses(outcomes: Outcomes, block: npt.NDArray[np.intp], blocks: int) -> npt.NDArray[np.uint64] | None:
    """How each block went, as one number: equal for blocks whose matches went the same ways.

    None for a game with chance: a deal that comes again is another draw, and counts.
    """
    if all(outcomes.games[index].seeded for index in np.unique(outcomes.game)):
        return None
    out = np.zeros(blocks, np.uint64)
    np.add.at(out, block, outcomes.course)  # wraps around: the order of a block's matches says nothing
    return out


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
