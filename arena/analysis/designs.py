"""Facts about how operators met, and tests of them, computed from the outcomes of one game.

Blocks are independent, matches of one block are not: every test is over blocks, or over people, where several sat there
(arena/analysis/units.py). It needs SciPy (extra `eval`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.analysis.outcomes import EMPTY, Outcomes
from arena.analysis.pairs import Pairs
from arena.analysis.units import people

FEWEST = 10  # blocks that a test needs: with fewer, variances over blocks are too uncertain for the stated level
MANY = 1000  # blocks from which on the two variances of a seat's worth are as good as equal

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SeatEffect:
    """What the seats are worth, in the game's unit, whoever sits there."""

    effects: Floats  # a seat: its return less the mean of all seats
    low: Floats  # 95% intervals
    high: Floats
    p: float  # that seats which are worth the same differ as much
    blocks: int  # or people


def seat_effect(outcomes: Outcomes) -> SeatEffect | None:
    """The seats' effects beside the operators', by least squares; None where the run cannot tell them apart.

    A return is the sum of what the operator, its seat and the match are worth, so that stronger opponents do not count
    as a bad seat. Variances are over blocks: by leaving out each in turn, which keeps its level with few blocks and
    uneven line-ups too (CV3 of MacKinnon, Nielsen and Webb, Journal of Econometrics 232 (2023), 272-299), and with more
    than MANY by the sums of each block (Liang and Zeger, Biometrika 73 (1986), 13-22). The F test has as many degrees
    of freedom as there are blocks less one.
    """
    from scipy import stats

    mine = outcomes.where(outcomes.resolved)
    seats = mine.lineup.shape[1]
    block = np.unique(mine.block, return_inverse=True)[1]
    if (persons := people(mine, block)) is not None:
        block = np.unique(persons, return_inverse=True)[1][block]
        order = np.argsort(block, kind="stable")
        mine, block = mine.where(order), block[order]
    count = int(block.max(initial=-1)) + 1
    if seats < 2 or count < FEWEST:
        return None
    coded = np.vstack([np.eye(seats - 1), -np.ones(seats - 1)])  # effects that sum up to none
    lineup = mine.lineup.astype(np.int64)
    y = mine.returns - mine.returns.mean(1, keepdims=True)
    others = _Operators(lineup, len(mine.operators))
    x = others.rest(np.broadcast_to(coded, (len(mine), seats, seats - 1)))
    gram = np.einsum("msi,msj->ij", x, x)
    if np.linalg.eigvalsh(gram)[0] < 1e-9 * len(mine):
        return None
    inverse = np.linalg.inv(gram)
    beta = inverse @ np.einsum("msi,ms->i", x, y)
    if count <= MANY:
        left_out = _left_out(lineup, coded, y, block, len(mine.operators))
        variance = (left_out - beta).T @ (left_out - beta) * (count - 1) / count
    else:
        moved = np.einsum("msi,ms->mi", x, others.rest(y[:, :, None])[:, :, 0] - x @ beta)
        sums = np.stack([np.bincount(block, column, count) for column in moved.T], axis=1)
        variance = inverse @ (sums.T @ sums) @ inverse * count / (count - 1)
    if np.linalg.matrix_rank(variance, hermitian=True) < seats - 1:  # every block went the same way
        return None
    wald = float(beta @ np.linalg.solve(variance, beta)) / (seats - 1)
    effects = coded @ beta
    half = stats.t.ppf(0.975, count - 1) * np.sqrt(np.einsum("ij,jk,ik->i", coded, variance, coded))
    return SeatEffect(effects, effects - half, effects + half, float(stats.f.sf(wald, seats - 1, count - 1)), count)


class _Operators:
    """Least squares on what operators are worth beside the mean of their match, without a column for each."""

    def __init__(self, lineup: Whole, pool: int) -> None:
        self._lineup, self._pool = lineup, pool
        seats = lineup.shape[1]
        together = np.zeros(pool * pool)
        for a in range(seats):
            for b in range(seats):
                together += np.bincount(lineup[:, a] * pool + lineup[:, b], minlength=pool * pool)
        gram = np.diag(np.bincount(lineup.ravel(), minlength=pool)) - together.reshape(pool, pool) / seats
        self._inverse = np.linalg.pinv(gram, hermitian=True)

    def rest(self, values: Floats) -> Floats:
        """What is left of `values` (matches, seats, columns), whose mean over the seats of a match is 0."""
        columns = values.reshape(-1, values.shape[2]).T
        sums = np.stack([np.bincount(self._lineup.ravel(), one, self._pool) for one in columns], axis=1)
        worth = (self._inverse @ sums)[self._lineup]
        out: Floats = values - (worth - worth.mean(1, keepdims=True))
        return out


def _left_out(lineup: Whole, coded: Floats, y: Floats, block: Whole, pool: int) -> Floats:
    """The seats' coefficients without each block in turn; `block` ascends."""
    own = np.eye(pool)[lineup]
    seat = np.broadcast_to(coded, (len(lineup), *coded.shape))
    x = np.concatenate([own - own.mean(1, keepdims=True), seat], axis=2)
    ends = np.flatnonzero(np.diff(block)) + 1
    gram, right = np.einsum("msi,msj->ij", x, x), np.einsum("msi,ms->i", x, y)
    out = []
    for mine, its in zip(np.split(x, ends), np.split(y, ends), strict=True):
        less, lower = np.einsum("msi,msj->ij", mine, mine), np.einsum("msi,ms->i", mine, its)
        out.append(np.linalg.pinv(gram - less, hermitian=True) @ (right - lower))
    return np.array(out)[:, pool:]


def p_value(found: Pairs, at: int) -> float:
    """Of the difference of one pair, two-sided: Student's t with one degree of freedom less than there are blocks."""
    from scipy import stats

    return float(2 * stats.t.sf(abs(found.difference[at]) / found.error[at], found.blocks[at] - 1))


@dataclass(frozen=True, slots=True)
class Cycle:
    """Three operators of which each does better than the next, and the last than the first."""

    operators: tuple[int, int, int]
    p: float  # after Holm, over all triples in both directions


def cycles(found: Pairs, pool: int, level: float) -> tuple[list[Cycle], int]:
    """The cycles at `level`, and the number of triples that were looked at.

    A cycle is there only if all three differences are, so its p is the largest of theirs (an intersection-union test:
    R. L. Berger, Technometrics 24 (1982), 295-300), and errs less often than is stated.
    """
    from scipy import stats

    p = np.full((pool, pool), np.nan)  # that row does better than column by chance alone
    known = (found.blocks >= FEWEST) & (found.error > 0)
    t = found.difference[known] / found.error[known]
    p[found.one[known], found.two[known]] = stats.t.sf(t, found.blocks[known] - 1)
    p[found.two[known], found.one[known]] = stats.t.cdf(t, found.blocks[known] - 1)
    best: list[tuple[float, tuple[int, int, int]]] = []
    tests = 0
    for i in range(pool):
        for forward in (True, False):
            a, b, c = (p[i, :], p, p[:, i]) if forward else (p[:, i], p.T, p[i, :])
            worst = np.maximum(np.maximum(a[:, None], b), c[None, :])  # i over j over k over i, or the reverse
            j, k = np.triu_indices(pool, 1)
            take = (j > i) & ~np.isnan(worst[j, k])
            j, k = j[take], k[take]
            tests += len(j)
            small = worst[j, k] < level
            for one, two in zip(j[small].tolist(), k[small].tolist(), strict=True):
                best.append((float(worst[one, two]), (i, one, two) if forward else (i, two, one)))
    out, largest = [], 0.0
    for rank, (value, who) in enumerate(sorted(best)):
        largest = max(largest, min(1.0, value * (tests - rank)))
        if largest >= level:
            break
        out.append(Cycle(who, largest))
    return out, tests // 2


def parts(found: Pairs, pool: int, *, by_results: bool) -> list[list[int]]:
    """The operators that are connected by matches, largest first; who played nothing is left out.

    by_results: connected are those of whom each has not lost everything to the other, by way of others too: where there
    are several such sets, a rating of wins has no bound (L. R. Ford, American Mathematical Monthly 64 (1957), 28-33).
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    held = found.wins + found.ties > 0, found.losses + found.ties > 0
    if by_results:
        rows = np.concatenate([found.one[held[0]], found.two[held[1]]])
        columns = np.concatenate([found.two[held[0]], found.one[held[1]]])
    else:
        rows, columns = found.one, found.two
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(pool, pool))
    kind: Any = "strong" if by_results else "weak"
    _, label = connected_components(graph, directed=True, connection=kind)
    played = sorted({*found.one.tolist(), *found.two.tolist()})
    sets: dict[int, list[int]] = {}
    for slot in played:
        sets.setdefault(int(label[slot]), []).append(slot)
    return sorted(sets.values(), key=lambda members: (-len(members), members))


def sittings(outcomes: Outcomes) -> Whole:
    """(operators, seats): how many matches each sat where, unresolved ones too."""
    seats, pool = outcomes.lineup.shape[1], len(outcomes.operators)
    out = np.zeros((pool, seats), np.int64)
    for seat in range(seats):
        column = outcomes.lineup[:, seat]
        out[:, seat] = np.bincount(column[column != EMPTY], minlength=pool)
    return out
