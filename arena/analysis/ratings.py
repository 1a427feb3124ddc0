"""Bradley-Terry ratings with ties and seats.

Who beats whom: R. A. Bradley, M. E. Terry, Biometrika 39 (1952), 324-345; with ties R. R. Davidson, JASA 65 (1970),
317-328: log-odds of a win against a loss are the difference of two strengths, and a tie is as likely as `tie` times the
geometric mean of the two. Each seat has a worth of its own that is added to who sits there.

A match of more than two seats is all its pairs, each with weight 1 / (seats - 1): every seat counts once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arena.analysis.outcomes import EMPTY, Outcomes
from arena.analysis.resample import Resampler, grouped

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ELO = 400 / math.log(10)  # points of one unit of log-odds
STEPS = 60
LIMIT = 2.0  # most that a step changes a strength, in log-odds
EXACT = 1e-10
GROUPS = 200  # blocks are drawn again in so many groups at most
DRAWN = 1000  # samples


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Cells of equal comparisons: who sat where against whom, and how it ended for the first."""

    pool: int
    seats: int
    cells: Ints  # (cells, 5): operator, seat, other operator, other seat, outcome (2 won, 1 tied, 0 lost)
    counts: Floats  # (groups of blocks, cells): weights

    @property
    def total(self) -> Floats:
        """Weights over all blocks."""
        return np.asarray(self.counts.sum(0))


@dataclass(frozen=True, slots=True)
class Fit:
    """Strengths in log-odds with mean 0 over the pool; worth of the seats with mean 0; how likely ties are."""

    strengths: Floats
    seats: Floats
    tie: float
    replicates: Floats  # (replicates, operators)


def comparisons(outcomes: Outcomes) -> Comparisons:
    """Of the resolved matches of one game."""
    mine = outcomes.where(outcomes.resolved)
    seats = outcomes.lineup.shape[1]
    rows: list[Ints] = []
    blocks: list[Ints] = []
    weight = 1.0 / max(1, seats - 1)
    for first in range(seats):
        for second in range(first + 1, seats):
            there = (mine.lineup[:, first] != EMPTY) & (mine.lineup[:, second] != EMPTY)
            one, other = mine.lineup[there, first], mine.lineup[there, second]
            gap = np.sign(mine.returns[there, first] - mine.returns[there, second]).astype(np.int64)
            places = np.full((2, len(one)), [[first], [second]])
            swap = one > other  # the lower number first
            cells = np.stack([one, places[0], other, places[1], gap + 1], 1).astype(np.int64)
            cells[swap] = np.stack([other, places[1], one, places[0], 1 - gap], 1).astype(np.int64)[swap]
            rows.append(cells)
            blocks.append(mine.block[there])
    every = np.concatenate(rows) if rows else np.zeros((0, 5), np.int64)
    cells, which = np.unique(every, axis=0, return_inverse=True)
    _, block = np.unique(np.concatenate(blocks) if blocks else np.zeros(0), return_inverse=True)
    counts = np.zeros((int(block.max()) + 1 if len(block) else 0, len(cells)))
    np.add.at(counts, (block, which.reshape(-1)), weight)
    return Comparisons(len(outcomes.operators), seats, cells, grouped(counts, GROUPS))


def fit(found: Comparisons, draw: Resampler, stream: int = 1) -> Fit:
    """The maximum of the likelihood, and of resampled blocks. The comparisons must be connected (`why_not`)."""
    model = _Model(found)
    best = model.solve(found.total[None])
    weights = draw.weights(len(found.counts), stream)[:DRAWN] @ found.counts
    replicates = model.solve(weights, start=best)
    return Fit(
        best[0, : found.pool] - best[0, : found.pool].mean(),
        model.seats(best)[0],
        float(np.exp(best[0, -1])) if model.ties else 0.0,
        replicates[:, : found.pool] - replicates[:, : found.pool].mean(1, keepdims=True),
    )


def why_not(found: Comparisons, names: tuple[str, ...]) -> str | None:
    """A sentence if no finite ratings exist; None if they do.

    They do if from everybody one comes to everybody else along `did not lose every match against` (L. R. Ford, American
    Mathematical Monthly 64 (1957), 28-33).
    """
    reach = np.eye(found.pool, dtype=bool)
    for (one, _, other, _, outcome), weight in zip(found.cells.tolist(), found.total, strict=True):
        if weight > 0:
            reach[one, other] |= outcome > 0
            reach[other, one] |= outcome < 2
    for middle in range(found.pool):
        reach |= reach[:, middle : middle + 1] & reach[middle : middle + 1]
    met = np.zeros((found.pool, found.pool), dtype=bool)
    met[found.cells[:, 0], found.cells[:, 2]] = True
    alone = [names[who] for who in range(found.pool) if not (met | met.T)[who].any()]
    if alone:
        return f"no ratings: {', '.join(alone)} met nobody"
    for who in range(found.pool):
        if not reach[who].all():
            others = ", ".join(names[other] for other in range(found.pool) if not reach[who, other])
            return f"no ratings: {names[who]} and those that it did not always lose to won nothing against {others}"
    return None


class _Model:
    """The likelihood over cells; parameters: strengths, worth of all seats but the last, log of `tie`."""

    def __init__(self, found: Comparisons) -> None:
        self._cells = found.cells
        self._pool, self._places = found.pool, found.seats
        total = found.total
        self.ties = bool((total[found.cells[:, 4] == 1] > 0).any())
        self.seated = found.seats > 1 and self._seats_vary(found)
        free = found.seats - 1 if self.seated else 0
        self._size = found.pool + free + 1
        design = np.zeros((len(found.cells), self._size))
        rows = np.arange(len(found.cells))
        design[rows, found.cells[:, 0]] += 1
        design[rows, found.cells[:, 2]] -= 1
        if free:
            for column, sign in ((1, 1.0), (3, -1.0)):
                seat = found.cells[:, column]
                np.add.at(design, (rows[seat < free], found.pool + seat[seat < free]), sign)
                last = rows[seat == free]
                design[np.ix_(last, np.arange(found.pool, found.pool + free))] -= sign
        self._design = design
        self._squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
        self._outcome = found.cells[:, 4]

    @staticmethod
    def _seats_vary(found: Comparisons) -> bool:
        """Whether somebody sat in several seats: else a seat is its operator."""
        ends = np.concatenate([found.cells[:, :2], found.cells[:, 2:4]])
        pairs = np.unique(ends, axis=0)
        return len(pairs) > len(np.unique(pairs[:, 0]))

    def seats(self, solved: Floats) -> Floats:
        """(fits, seats)."""
        if not self.seated:
            return np.zeros((len(solved), self._places))
        free = solved[:, self._pool : self._size - 1]
        return np.concatenate([free, -free.sum(1, keepdims=True)], 1)

    def solve(self, weights: Floats, start: Floats | None = None) -> Floats:
        """(fits, parameters) for the weights (fits, cells), by Newton's method."""
        at = np.zeros((len(weights), self._size)) if start is None else np.repeat(start, len(weights), 0)
        fixed = np.eye(self._size) * 1e-9  # strengths have no mean of their own
        fixed[: self._pool, : self._pool] += 1.0 / self._pool
        if not self.ties:
            fixed[-1, -1] += 1.0
        for _ in range(STEPS):
            gap = at @ self._design.T / 2  # (fits, cells): half the log-odds
            # A win, a tie and a loss have the weights e^gap, tie, e^-gap.
            log_tie = at[:, -1:] if self.ties else np.full((len(at), 1), -np.inf)
            logs = np.stack([-gap, np.broadcast_to(log_tie, gap.shape), gap])
            chances = np.exp(logs - logs.max(0))
            chances /= chances.sum(0)
            lost, tied, won = chances
            side = np.where(self._outcome == 1, 0.0, self._outcome - 1.0)
            mean = won - lost
            slope = weights * (side - mean) / 2
            gradient = slope @ self._design
            curve = weights * (won + lost - mean**2) / 4
            hessian = (curve @ self._squares).reshape(len(at), self._size, self._size)
            if self.ties:
                gradient[:, -1] += (weights * ((self._outcome == 1) - tied)).sum(1)
                cross = (weights * (-tied * mean) / 2) @ self._design
                hessian[:, -1, :] += cross
                hessian[:, :, -1] += cross
                hessian[:, -1, -1] += (weights * tied * (1 - tied)).sum(1)
            step = np.linalg.solve(hessian + fixed, gradient[..., None])[..., 0]
            at = at + np.clip(step, -LIMIT, LIMIT)
            if np.abs(step).max() < EXACT:
                break
        return at
