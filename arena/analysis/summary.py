"""The analysis of a run: differences, payoffs, ratings and sets of ranks at each game, and over games."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from arena import names
from arena.analysis.differences import Difference, block_means, differences, rank_sets, scores
from arena.analysis.outcomes import Outcomes
from arena.analysis.ratings import ELO, Fit, comparisons, fit, why_not
from arena.analysis.resample import Resampler

Floats = npt.NDArray[np.float64]
FORMAT = 1
SAME = 1e-6  # log-odds
MIDDLE = 0.25  # share that is left out at either end of an interquartile mean


class Interval(msgspec.Struct, frozen=True):
    """A number with its 95% interval; None: nothing says how sure it is."""

    value: float
    low: float | None
    high: float | None


class Standing(msgspec.Struct, kw_only=True):
    """One operator at one game, or over all."""

    operator: str
    score: Interval | None = None  # mean return in the game's unit
    blocks: int = 0
    effective: float = 0.0
    rating: Interval | None = None  # Bradley-Terry, in Elo points
    ranks: tuple[int, int] | None = None  # the best and the worst rank that it may have


class GameAnalysis(msgspec.Struct, kw_only=True):
    game: str
    unit: str
    standings: list[Standing]
    differences: list[Difference]
    payoffs: list[list[float | None]]  # mean return of the row's operator in matches with the column's
    seats: list[float]  # what each is worth in Elo points, with mean 0; empty without ratings
    unrated: str | None = None  # why there are no ratings


class Overall(msgspec.Struct, kw_only=True):
    """Over games, each with equal weight."""

    standings: list[Standing]  # `rating` alone
    without: dict[str, list[float]]  # ratings by pool with one game left out
    middle: list[Interval | None]  # interquartile mean of scores between `random` (0) and `scripted` (1), by pool
    unrated: str | None = None


class Analysis(msgspec.Struct, kw_only=True):
    """analysis.json."""

    format: int = FORMAT
    anchor: str | None  # who has rating 0; None: the mean of the pool
    twins: tuple[str, str] | None  # two that are the same operator
    games: list[GameAnalysis]
    overall: Overall | None  # None for one game


def analyse(outcomes: Outcomes, twins: tuple[int, int] | None = None, seed: int = 0) -> Analysis:
    """Everything that the outcomes of a run say. The same run and seed give the same numbers."""
    pool, draw = outcomes.operators, Resampler(seed)
    anchor = next((name for name in pool if names.parse(name.split("#")[0]).base == "random"), None)
    named = [head.name for head in outcomes.games]
    labels = [f"{one.name}@seats={one.seats}" if named.count(one.name) > 1 else one.name for one in outcomes.games]
    found, fits = [], []
    for index in range(len(labels)):
        mine = outcomes.of_game(index)
        fitted = _game(mine, index, labels[index], anchor, draw)
        found.append(fitted[0])
        fits.append(fitted[1])
    overall = _overall(outcomes, found, fits, anchor, draw) if len(found) > 1 else None
    same = None if twins is None else (pool[twins[0]], pool[twins[1]])
    return Analysis(anchor=anchor, twins=same, games=found, overall=overall)


def _game(
    mine: Outcomes, index: int, name: str, anchor: str | None, draw: Resampler
) -> tuple[GameAnalysis, Fit | None]:
    pool = mine.operators
    pairs = differences(mine, draw)
    played = scores(mine, draw)
    counted = comparisons(mine)
    reason = why_not(counted, pool) if mine.lineup.shape[1] > 1 else "no ratings: nobody meets in a game with one seat"
    fitted = None if reason is not None else fit(counted, draw, 100 + index)
    ratings = [None] * len(pool) if fitted is None else _ratings(fitted.strengths, fitted.replicates, pool, anchor)
    ranks = rank_sets(pool, pairs)
    standings = [
        Standing(
            operator=who,
            score=None if one is None else Interval(one.mean, one.low, one.high),
            blocks=0 if one is None else one.blocks,
            effective=0.0 if one is None else one.effective,
            rating=rating,
            ranks=ranks[who] if one is not None else None,
        )
        for who, one, rating in zip(pool, played, ratings, strict=True)
    ]
    seats = [] if fitted is None else [float(worth * ELO) for worth in fitted.seats]
    return GameAnalysis(
        game=name,
        unit=mine.games[index].unit,
        standings=standings,
        differences=pairs,
        payoffs=_payoffs(mine),
        seats=seats,
        unrated=reason,
    ), fitted


def _ratings(strengths: Floats, replicates: Floats, pool: Sequence[str], anchor: str | None) -> list[Interval | None]:
    """In Elo points above the anchor."""
    zero = pool.index(anchor) if anchor is not None else None
    if zero is not None:
        strengths, replicates = strengths - strengths[zero], replicates - replicates[:, [zero]]
    low, high = np.quantile(replicates, (0.025, 0.975), axis=0)
    out: list[Interval | None] = []
    for value, a, b in zip(strengths, low, high, strict=True):
        sure = b - a > SAME  # blocks that all say the same say nothing about how sure that is; nor does the anchor
        out.append(Interval(float(value * ELO), *((float(a * ELO), float(b * ELO)) if sure else (None, None))))
    return out


def _payoffs(mine: Outcomes) -> list[list[float | None]]:
    resolved = mine.where(mine.resolved)
    size = len(mine.operators)
    sums, counts = np.zeros((size, size)), np.zeros((size, size))
    for seat in range(mine.lineup.shape[1]):
        for other in range(mine.lineup.shape[1]):
            if other != seat:
                place = resolved.lineup[:, seat], resolved.lineup[:, other]
                np.add.at(sums, place, resolved.returns[:, seat])
                np.add.at(counts, place, 1.0)
    return [
        [float(sums[row, column] / counts[row, column]) if counts[row, column] else None for column in range(size)]
        for row in range(size)
    ]


def _overall(
    outcomes: Outcomes, games: Sequence[GameAnalysis], fits: Sequence[Fit | None], anchor: str | None, draw: Resampler
) -> Overall:
    pool = outcomes.operators
    missing = [game.unrated for game, one in zip(games, fits, strict=True) if one is None]
    rated = [one for one in fits if one is not None]
    middle = _middle(outcomes, anchor, draw)
    if missing:
        return Overall(standings=[], without={}, middle=middle, unrated=missing[0])
    every = np.stack([one.strengths for one in rated])
    replicates = np.mean([one.replicates for one in rated], axis=0)
    ratings = _ratings(every.mean(0), replicates, pool, anchor)
    zero = pool.index(anchor) if anchor is not None else None
    without = {}
    for at, game in enumerate(games):
        others = np.delete(every, at, axis=0).mean(0)
        without[game.game] = [float(value * ELO) for value in others - (0.0 if zero is None else others[zero])]
    standings = [Standing(operator=who, rating=rating) for who, rating in zip(pool, ratings, strict=True)]
    return Overall(standings=standings, without=without, middle=middle)


def _middle(outcomes: Outcomes, anchor: str | None, draw: Resampler) -> list[Interval | None]:
    """The interquartile mean over the blocks of all games, each game with equal weight.

    R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, Deep Reinforcement Learning at the Edge of
    the Statistical Precipice, NeurIPS 2021.
    """
    pool = outcomes.operators
    top = next((at for at, name in enumerate(pool) if names.parse(name.split("#")[0]).base == "scripted"), None)
    if anchor is None or top is None:
        return [None] * len(pool)
    zero = pool.index(anchor)
    scaled = []
    for index in range(len(outcomes.games)):
        means = block_means(outcomes.of_game(index))
        with np.errstate(invalid="ignore"):
            low, high = np.nanmean(means[:, zero]), np.nanmean(means[:, top])
        if not high > low:
            return [None] * len(pool)
        scaled.append((means - low) / (high - low))
    out: list[Interval | None] = []
    for who in range(len(pool)):
        values = [game[~np.isnan(game[:, who]), who] for game in scaled]
        if any(len(one) < 2 for one in values):
            out.append(None)
            continue
        draws = [draw.weights(len(one), stream=10 + at) for at, one in enumerate(values)]
        joined = np.concatenate(values)
        even = np.concatenate([np.full(len(one), 1.0 / len(one)) for one in values])
        weights = np.concatenate(draws, axis=1) * even
        replicates = _trimmed(joined, weights)
        low, high = np.quantile(replicates, (0.025, 0.975))
        out.append(Interval(float(_trimmed(joined, even[None])[0]), float(low), float(high)))
    return out


def _trimmed(values: Floats, weights: Floats) -> Floats:
    """The weighted mean of what lies between the quartiles, for weights (samples, values)."""
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[:, order]
    share = np.cumsum(weights, axis=1) / weights.sum(1, keepdims=True)
    before = share - weights / weights.sum(1, keepdims=True)
    inside = np.clip(np.minimum(share, 1 - MIDDLE) - np.maximum(before, MIDDLE), 0, None)
    return np.asarray(inside @ values / inside.sum(1))
