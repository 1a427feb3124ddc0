"""Bradley-Terry ratings with ties and seats.

Who beats whom: R. A. Bradley, M. E. Terry, Biometrika 39 (1952), 324-345; with ties R. R. Davidson, JASA 65 (1970),
317-328: log-odds of a win against a loss are the difference of two strengths, and a tie is as likely as `tie` times the
geometric mean of the two. Each seat has a worth of its own that is added to who sits there.

A match of more than two seats is all its pairs, each with weight 1 / (seats - 1): every seat counts once.

A weak prior keeps everything finite, also of who won every match: each operator, and each seat, won half a block and
lost half a block against the mean of all, as in Jeffreys' prior of a rate (L. D. Brown, T. T. Cai, A. DasGupta,
Statistical Science 16 (2001), 101-133). It weighs less the more is played.

Intervals: the Bayesian bootstrap over blocks (D. B. Rubin, Annals of Statistics 9 (1981), 130-134), in which the prior
is drawn as well (P. Muliere, P. Secchi, Annals of the Institute of Statistical Mathematics 48 (1996), 663-673): where
all matches of one block say win, it is the Jeffreys interval of a rate. A bootstrap over few blocks is too narrow: its
variance is short by (n - 1) / (n + 1), and it is no Student's t. Its quantiles are moved away from the estimate by
both factors, as T. C. Hesterberg proposes (The American Statistician 69 (2015), 371-386), with as many blocks as bear
on the difference from the anchor by their information (Kish's effective number), the prior's among them.

Where people sat, blocks are drawn by person (arena/evaluate/clusters.py), with one weight at all games. A person's own
rating is about that person, and over blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from arena.analysis.outcomes import Outcomes
from arena.analysis.resample import Resampler
from arena.analysis.units import courses, people
from arena.evaluate.intervals import t975_between

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ELO = 400 / math.log(10)  # points of one unit of log-odds
STEPS = 60
LIMIT = 2.0  # most that a step changes a strength, in log-odds
EXACT = 1e-10
GROUPS = 200  # blocks are drawn again in so many groups at most
DRAWN = 1000  # samples
SAME = 1e-6  # log-odds
PEOPLE = 10_000  # the stream of the weights of the first person of the pool
FEWEST = 2  # blocks, the prior's among them, that an interval needs
Z975 = 1.959964


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Cells of equal comparisons: who sat where against whom, and how it ended for the first."""

    pool: int
    seats: int
    cells: Ints  # (cells, 5): operator, seat, other operator, other seat, outcome (2 won, 1 tied, 0 lost)
    counts: Floats  # (groups of blocks, cells): weights
    size: float = 1.0  # matches a block
    members: Floats | None = None  # (groups,): blocks, or people, in each; None: one
    people: tuple[int, ...] = ()  # the first groups are the blocks of these people, and who sat with them

    @property
    def total(self) -> Floats:
        """Weights over all blocks."""
        return np.asarray(self.counts.sum(0))


@dataclass(frozen=True, slots=True)
class Fit:
    """Strengths in log-odds above the anchor's (or the pool's mean); worth of the seats with mean 0; ties."""

    strengths: Floats
    draws: Floats  # (draws, operators): of the posterior
    blocks: Floats  # by operator: the effective number of blocks and prior blocks that its strength rests on
    seats: Floats
    tie: float
    people: bool = False  # blocks were drawn by person


def comparisons(outcomes: Outcomes, *, clustered: bool = True) -> Comparisons:
    """Of the resolved matches of one game; clustered: blocks of one person are one group."""
    mine = outcomes.where(outcomes.resolved)
    _, unit = np.unique(mine.block, return_inverse=True)
    went = courses(mine, unit)
    if went is not None:  # without chance, blocks that went the same way say the same thing twice
        unit = np.unique(went, return_inverse=True)[1][unit]
    size = len(mine) / (int(unit.max()) + 1) if len(unit) else 1.0
    clusters = people(mine, unit) if clustered and went is None else None
    persons: tuple[int, ...] = ()
    if clusters is not None:
        numbers, which = np.unique(clusters, return_inverse=True)
        unit = which[unit]
        persons = tuple(numbers[numbers < len(mine.operators)].tolist())
    pool, seats = len(outcomes.operators), outcomes.lineup.shape[1]
    keys = [_keys(mine, first, second) for first in range(seats) for second in range(first + 1, seats)]
    known = np.unique(np.concatenate([np.zeros(0, np.int64), *map(np.unique, keys)]))
    count = int(unit.max()) + 1 if len(unit) else 0
    groups = count if persons else min(count, GROUPS)
    counts = np.zeros(groups * len(known))
    for key in keys:
        place = unit % max(1, groups) * len(known) + np.searchsorted(known, key)
        counts += np.bincount(place, minlength=len(counts)) / (seats - 1)
    cells = np.stack(np.unravel_index(known, (pool, seats, pool, seats, 3)), 1).astype(np.int64)
    members = np.bincount(np.arange(count) % max(1, groups)).astype(np.float64)
    return Comparisons(pool, seats, cells, counts.reshape(groups, len(known)), size, members, persons)


def _keys(mine: Outcomes, first: int, second: int) -> Ints:
    """The cell of each match between two seats as one number; the operator with the lower number comes first."""
    one, other = mine.lineup[:, first].astype(np.int64), mine.lineup[:, second].astype(np.int64)
    gap = np.sign(mine.returns[:, first] - mine.returns[:, second]).astype(np.int64)
    shape = (len(mine.operators), mine.lineup.shape[1], len(mine.operators), mine.lineup.shape[1], 3)
    ahead = np.ravel_multi_index((one, first, other, second, gap + 1), shape)
    behind = np.ravel_multi_index((other, second, one, first, 1 - gap), shape)
    return np.where(one <= other, ahead, behind)


def fit(found: Comparisons, draw: Resampler, stream: int = 1, zero: int | None = None, prior: float = 0.5) -> Fit:
    """Strengths above those of operator `zero`, and draws of them. The comparisons must be connected (`why_not`).

    prior: blocks that everybody won, and lost, beforehand. With 0 it is the maximum of the likelihood, which may not be
    finite.
    """
    model = _Model(found)
    before = np.full(model.priors, prior * found.size)
    best = model.solve(np.concatenate([found.total, before])[None])
    weights = draw.posterior(len(found.counts), model.priors, stream)[:DRAWN]
    for group, person in enumerate(found.people):
        weights[:, group] = draw.posterior(1, 0, PEOPLE + person)[:DRAWN, 0]
    blocks, pseudo = weights[:, : len(found.counts)], weights[:, len(found.counts) :]
    draws = model.solve(np.concatenate([blocks @ found.counts, 2 * pseudo * before], 1), start=best)
    above = np.eye(found.pool)
    above -= 1.0 / found.pool if zero is None else np.eye(found.pool)[zero]
    return Fit(
        best[0, : found.pool] @ above.T,
        draws[:, : found.pool] @ above.T,
        model.bearing(best, found.counts, before, above, found.members),
        model.seats(best)[0],
        float(np.exp(best[0, -1])) if model.ties else 0.0,
    )


def rate(outcomes: Outcomes, draw: Resampler, stream: int = 1, zero: int | None = None) -> Fit:
    """`fit` of one game; where people sat, draws and blocks of their own strengths are those over blocks."""
    found = comparisons(outcomes)
    out = fit(found, draw, stream, zero)
    if not found.people:
        return out
    alone, who = fit(comparisons(outcomes, clustered=False), draw, stream, zero), sorted(outcomes.people)
    out.draws[:, who], out.blocks[who] = alone.draws[:, who], alone.blocks[who]
    return replace(out, people=True)


def interval(value: float, draws: Floats, blocks: float) -> tuple[float, float] | None:
    """The 95% interval of an estimate with these draws; None where nothing says how sure it is."""
    low, high = np.quantile(draws, (0.025, 0.975))
    if not (high - low > SAME and blocks >= FEWEST):
        return None
    factor = math.sqrt((blocks + 1) / (blocks - 1)) * t975_between(blocks - 1) / Z975
    return float(value + factor * min(0.0, low - value)), float(value + factor * max(0.0, high - value))


def why_not(found: Comparisons, names: tuple[str, ...]) -> str | None:
    """A sentence if nothing compares some of the operators; None if there are ratings."""
    met = np.eye(found.pool, dtype=bool)
    met[found.cells[:, 0], found.cells[:, 2]] = True
    met |= met.T
    alone = [name for name, others in zip(names, met.sum(1).tolist(), strict=True) if others == 1]
    if alone:
        return f"no ratings: {', '.join(alone)} met nobody"
    reach = _closed(met)
    if not reach[0].all():
        here, there = (
            ", ".join(name for name, at in zip(names, reach[0], strict=True) if at == side) for side in (1, 0)
        )
        return f"no ratings: no match connects {here} with {there}"
    return None


def separated(found: Comparisons, names: tuple[str, ...]) -> str | None:
    """A sentence if the likelihood alone gives no finite ratings; None if it does.

    It does if from everybody one comes to everybody else along `did not lose every match against` (L. R. Ford, American
    Mathematical Monthly 64 (1957), 28-33).
    """
    held = np.eye(found.pool, dtype=bool)
    one, other, outcome = found.cells[:, 0], found.cells[:, 2], found.cells[:, 4]
    held[one[outcome > 0], other[outcome > 0]] = True
    held[other[outcome < 2], one[outcome < 2]] = True
    reach = _closed(held)
    if reach.all():
        return None
    group = (reach & reach.T)[int(np.argmax(reach.sum(1)))]  # those that reach most: nobody else took anything of them
    above, below = _both(names, group)
    return (
        f"{above} won every match against {below}: how far apart they are rests on the prior (half a block won, half a "
        "block lost), and has a wide interval"
    )


def _both(names: tuple[str, ...], group: npt.NDArray[np.bool_]) -> tuple[str, str]:
    """Those of a group, and the others."""
    told = [", ".join(name for name, at in zip(names, group, strict=True) if at == side) for side in (True, False)]
    return told[0], told[1]


def _closed(reach: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Who comes to whom along any number of steps."""
    reach = reach.copy()
    for middle in range(len(reach)):
        reach |= reach[:, middle : middle + 1] & reach[middle : middle + 1]
    return reach


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
        # The prior: everybody, and every seat, won and lost against the mean of all.
        mean = np.zeros((found.pool + (found.seats if free else 0), self._size))
        mean[: found.pool, : found.pool] = np.eye(found.pool) - 1.0 / found.pool
        if free:
            mean[found.pool :, found.pool : -1] = np.vstack([np.eye(free), -np.ones(free)])
        self.priors = 2 * len(mean)
        self._design = np.vstack([design, mean, mean])
        self._squares = (self._design[:, :, None] * self._design[:, None, :]).reshape(len(self._design), -1)
        self._outcome = np.concatenate([found.cells[:, 4], np.full(len(mean), 2), np.zeros(len(mean), np.int64)])

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

    def bearing(self, best: Floats, counts: Floats, before: Floats, above: Floats, members: Floats | None) -> Floats:
        """By row of `above`: L. Kish's effective number of the blocks, by their information about that difference."""
        lost, _, won = self._chances(best)
        curve = (won + lost - (won - lost) ** 2)[0] / 4
        total = np.concatenate([counts.sum(0), before])
        hessian = ((curve * total) @ self._squares).reshape(self._size, self._size)[:-1, :-1]
        contrast = np.zeros((self._size - 1, len(above)))
        contrast[: self._pool] = above.T
        moved = self._design[:, :-1] @ np.linalg.pinv(hessian, hermitian=True) @ contrast
        each = curve[:, None] * moved**2
        blocks, prior = counts @ each[: counts.shape[1]], before[:, None] * each[counts.shape[1] :]
        half = prior[: len(prior) // 2] + prior[len(prior) // 2 :]  # a prior win and a prior loss are one block
        total_information = blocks.sum(0) + half.sum(0)
        shared = np.ones(len(counts)) if members is None else members
        squares = (blocks**2 / shared[:, None]).sum(0) + (half**2).sum(0)
        return np.asarray(np.divide(total_information**2, squares, out=np.zeros(len(above)), where=squares > 0))

    def _chances(self, at: Floats) -> Floats:
        """(3, fits, cells): of a loss, a tie and a win of the first."""
        gap = at @ self._design.T / 2  # half the log-odds: a win, a tie and a loss have the weights e^gap, tie, e^-gap
        log_tie = at[:, -1:] if self.ties else np.full((len(at), 1), -np.inf)
        logs = np.stack([-gap, np.broadcast_to(log_tie, gap.shape), gap])
        chances = np.exp(logs - logs.max(0))
        return np.asarray(chances / chances.sum(0))

    def solve(self, weights: Floats, start: Floats | None = None) -> Floats:
        """(fits, parameters) for the weights (fits, cells), by Newton's method."""
        at = np.zeros((len(weights), self._size)) if start is None else np.repeat(start, len(weights), 0)
        fixed = np.eye(self._size) * 1e-9  # strengths have no mean of their own
        fixed[: self._pool, : self._pool] += 1.0 / self._pool
        if not self.ties:
            fixed[-1, -1] += 1.0
        for _ in range(STEPS):
            lost, tied, won = self._chances(at)
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
