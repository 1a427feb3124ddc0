"""The cluster bootstrap over blocks: whole blocks are drawn again, so matches of one deal stay together.

A. C. Cameron, J. B. Gelbach, D. L. Miller, Bootstrap-Based Improvements for Inference with Clustered Errors, Review of
Economics and Statistics 90 (2008), 414-427. The mean's interval is the symmetric bootstrap-t of P. Hall, The Bootstrap
and Edgeworth Expansion (1992), section 3.6, and never narrower than Student's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arena.evaluate.intervals import BlockShare, student_tail, t975

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REPLICATES = 2000
CHUNK = 100  # replicates that are drawn at once
MOST_GROUPS = 250  # beyond, blocks are drawn in groups of several: as valid, and the cost does not grow
POWER = 0.841621  # 80% quantile of the normal distribution


class Resampler:
    """Bootstrap weights, equal for equal seeds on every platform (they are made of a bit generator's raw words)."""

    def __init__(self, seed: int, replicates: int = REPLICATES) -> None:
        self.replicates = replicates
        self._seed = seed
        self._made: dict[tuple[int, int], Floats] = {}

    def weights(self, groups: int, stream: int = 0) -> Floats:
        """(replicates, groups): how often each group was drawn, of as many draws as there are groups.

        Equal for equal arguments; streams are independent.
        """
        key = groups, stream
        if key not in self._made:
            bits, parts = np.random.PCG64([self._seed, stream, groups]), []
            for first in range(0, self.replicates, CHUNK):
                size = min(CHUNK, self.replicates - first)
                words = bits.random_raw(size * groups)
                drawn = ((words >> np.uint64(32)) * np.uint64(groups) >> np.uint64(32)).astype(np.int64)
                drawn += np.repeat(np.arange(size) * groups, groups)
                parts.append(np.bincount(drawn, minlength=size * groups).reshape(size, groups).astype(np.float64))
            self._made[key] = np.concatenate(parts)
        return self._made[key]

    def posterior(self, groups: int, priors: int, stream: int) -> Floats:
        """(replicates, groups + priors): weights of the Bayesian bootstrap, of mean 1 a group and 1/2 a prior half.

        Groups have exponential weights and prior halves those of Gamma(1/2), by the method of Box and Muller.
        """
        words = np.random.PCG64([self._seed, stream, groups, priors]).random_raw(
            self.replicates * (groups + 2 * priors)
        )
        uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
        weights = -np.log(uniform).reshape(self.replicates, -1)
        turned = np.cos(2 * np.pi * uniform.reshape(self.replicates, -1)[:, groups + priors :]) ** 2
        return np.concatenate([weights[:, :groups], weights[:, groups : groups + priors] * turned], 1)


def grouped(values: Floats, most: int = MOST_GROUPS) -> Floats:
    """Sums of (blocks, ...) over at most `most` groups of blocks."""
    if len(values) <= most:
        return values
    out = np.zeros((most, *values.shape[1:]))
    np.add.at(out, np.arange(len(values)) % most, values)
    return out


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over matches, with what blocks say about its uncertainty. None: they say nothing."""

    mean: float
    blocks: int
    effective: float  # see `effective_blocks`
    error: float | None = None  # standard error
    low: float | None = None  # 95% interval
    high: float | None = None
    p: float | None = None  # of the mean being 0, two-sided; below 0.05 exactly where the interval leaves 0 out
    detectable: float | None = None  # the least true mean that such a comparison calls different from 0 in 80%


def estimate(
    sizes: Floats, totals: Floats, clusters: npt.NDArray[np.uint64] | None, draw: Resampler | None = None
) -> Estimate | None:
    """The mean over matches of blocks with `sizes` matches and these sums. None without a match.

    draw: for the bootstrap's interval, which is never narrower than Student's; None: Student's.

    clusters: blocks of one number count as one: those of one person, or, in a game without chance, those that went the
    same way and so say the same thing twice. None: they are draws of chance, however often the same one comes.
    """
    there = sizes > 0
    if not there.any():
        return None
    sizes, totals = sizes[there], totals[there]
    if clusters is not None:
        sizes, totals = _merged(sizes, totals, clusters[there])
    mean, blocks = float(totals.sum() / sizes.sum()), len(sizes)
    out = Estimate(mean, blocks, effective_blocks(sizes))
    means = totals / sizes
    if blocks < 2 or math.isclose(means.min(), means.max(), rel_tol=1e-9, abs_tol=1e-12):
        return out
    error = math.sqrt(blocks / (blocks - 1) * float(((totals - mean * sizes) ** 2).sum())) / float(sizes.sum())
    student = t975(blocks - 1)
    critical = student if draw is None else max(student, _critical(sizes, totals, mean, draw))
    low, high = mean - critical * error, mean + critical * error
    if not (low < mean < high and math.isfinite(low) and math.isfinite(high)):
        return out
    p = student_tail(abs(mean) / error * student / critical, blocks - 1)
    return Estimate(mean, blocks, out.effective, error, low, high, p, (critical + POWER) * error)


def rate_interval(hits: Floats, sizes: Floats, groups: npt.NDArray[np.uint64] | None) -> tuple[float, float]:
    """The 95% interval of a share of matches (BlockShare), of the hits and matches of each block; `groups` as in
    `estimate`.
    """
    if groups is not None:
        sizes, hits = _merged(sizes, hits, groups)
    there = sizes > 0
    sizes, hits = sizes[there], hits[there]
    sums = (hits.sum(), (hits**2).sum(), (sizes**2).sum(), (hits * sizes).sum())
    share = BlockShare(round(sizes.sum()), len(sizes), *map(float, sums))
    return share.interval or (0.0, 1.0)


def effective_blocks(sizes: Floats) -> float:
    """L. Kish's effective number (Survey Sampling, 1965): blocks of equal size that would be as sure as these."""
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _merged(sizes: Floats, totals: Floats, clusters: npt.NDArray[np.uint64]) -> tuple[Floats, Floats]:
    """Blocks of one cluster are one block, with all their matches: the mean stays what it is."""
    which = np.unique(clusters, return_inverse=True)[1]
    return np.bincount(which, sizes).astype(np.float64), np.bincount(which, totals).astype(np.float64)


def _critical(sizes: Floats, totals: Floats, mean: float, draw: Resampler) -> float:
    """The 95% quantile of |t| over bootstrap samples; 0 where all blocks of a sample are too often alike."""
    columns = grouped(np.stack([sizes, totals], axis=1))
    size, total = columns.T
    weights = draw.weights(len(size))
    moments = weights @ np.stack([size, total, total**2, total * size, size**2], axis=1)
    sums, means = moments[:, 0], moments[:, 1] / moments[:, 0]
    squares = moments[:, 2] - 2 * means * moments[:, 3] + means**2 * moments[:, 4]
    scale = len(size) / (len(size) - 1) * squares
    usable = scale > 1e-12 * moments[:, 2].max()
    if usable.sum() < 0.5 * len(usable):
        return 0.0
    deviations = np.abs(means[usable] - mean) * sums[usable] / np.sqrt(scale[usable])
    return float(np.quantile(deviations, 0.95))
