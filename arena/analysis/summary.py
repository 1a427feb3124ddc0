"""The analysis of a run: differences, payoffs, ratings and sets of ranks at each game, and over games."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from arena import names
from arena.analysis.differences import Difference, differences, rank_sets, scores
from arena.analysis.exact import ExactFacts, Exploitability, without_luck
from arena.analysis.improvement import Better, over_games
from arena.analysis.middle import blocks_of, interquartile_mean
from arena.analysis.outcomes import Outcomes
from arena.analysis.ratings import ELO, Fit, comparisons, interval, rate, separated, why_not
from arena.analysis.resample import Resampler
from arena.evaluate.metrics import METRICS
from arena.figures import signed
from arena.record.given import titles

Floats = npt.NDArray[np.float64]
FORMAT = 1


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
    without_luck: Interval | None = None  # the same less the luck of the cards, which has the same mean
    exploitability: Exploitability | None = None
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
    separated: str | None = None  # whose ratings are finite by the prior alone


class Overall(msgspec.Struct, kw_only=True):
    """Over games, each with equal weight."""

    standings: list[Standing]  # `rating` alone
    without: dict[str, list[float]]  # ratings by pool with one game left out
    middle: list[Interval | None]  # interquartile mean of scores between `random` (0) and `scripted` (1), by pool
    better: list[Better]  # of each pair that played at every game
    unrated: str | None = None


class Analysis(msgspec.Struct, kw_only=True):
    """analysis.json."""

    format: int = FORMAT
    anchor: str | None  # who has rating 0: `random`, else `scripted`; None: the mean of the pool
    reference: str | None  # the second known mark of the scale: `scripted` beside `random`
    twins: tuple[str, str] | None  # two that are the same operator
    metrics: list[str]  # that were asked for: see arena/evaluate/metrics.py
    games: list[GameAnalysis]
    overall: Overall | None  # None for one game

    @property
    def scale(self) -> str:
        """Where the ratings' scale begins, in words."""
        if self.anchor is None:
            return "the mean of the pool is 0"
        best = self.overall.standings if self.overall is not None else self.games[0].standings
        marks = [one.rating.value for one in best if one.operator == self.reference and one.rating is not None]
        return f"{self.anchor} is 0" + "".join(f" and {self.reference} {signed(value, 0)}" for value in marks)


def analyse(
    outcomes: Outcomes,
    twins: tuple[int, int] | None = None,
    seed: int = 0,
    metrics: Sequence[str] = tuple(METRICS),
    exact: ExactFacts | None = None,
) -> Analysis:
    """What the outcomes of a run say, scores and these metrics. The same run and seed give the same numbers.

    exact: what the metrics `luck` and `exploitability` need.
    """
    pool, draw = outcomes.operators, Resampler(seed)
    low, high = _named(pool, "random"), _named(pool, "scripted")
    anchor = low or high
    labels = titles(outcomes.games)
    found, fits = [], []
    for index in range(len(labels)):
        mine = outcomes.of_game(index)
        fitted = _game(mine, index, labels[index], anchor, draw, metrics)
        if exact is not None:
            _add_exact(fitted[0], outcomes, index, exact, metrics)
        found.append(fitted[0])
        fits.append(fitted[1])
    overall = _overall(outcomes, found, fits, low, high, metrics) if len(found) > 1 else None
    same = None if twins is None else (pool[twins[0]], pool[twins[1]])
    reference = high if low is not None else None
    return Analysis(anchor=anchor, reference=reference, twins=same, metrics=list(metrics), games=found, overall=overall)


def _named(pool: Sequence[str], kind: str) -> str | None:
    """The first operator of this kind."""
    return next((name for name in pool if names.parse(name.split("#")[0]).base == kind), None)


def _game(
    mine: Outcomes, index: int, name: str, anchor: str | None, draw: Resampler, metrics: Sequence[str]
) -> tuple[GameAnalysis, Fit | None]:
    pool = mine.operators
    pairs = differences(mine, draw) if "differences" in metrics else None
    played = scores(mine)
    counted = comparisons(mine)
    reason = why_not(counted, pool) if mine.lineup.shape[1] > 1 else "no ratings: nobody meets in a game with one seat"
    zero = None if anchor is None else pool.index(anchor)
    if "ratings" not in metrics:
        reason = "no ratings: they are none of the metrics of this evaluation"
    fitted = None if reason is not None else rate(mine, draw, 100 + index, zero)
    ratings = [None] * len(pool) if fitted is None else _ratings(fitted.strengths, fitted.draws, fitted.blocks)
    ranks = {} if pairs is None else rank_sets(pool, pairs)
    standings = [
        Standing(
            operator=who,
            score=None if one is None else Interval(one.mean, one.low, one.high),
            blocks=0 if one is None else one.blocks,
            effective=0.0 if one is None else one.effective,
            rating=rating,
            ranks=ranks.get(who) if one is not None else None,
        )
        for who, one, rating in zip(pool, played, ratings, strict=True)
    ]
    seats = [] if fitted is None else [float(worth * ELO) for worth in fitted.seats]
    return GameAnalysis(
        game=name,
        unit=mine.games[index].unit,
        standings=standings,
        differences=pairs or [],
        payoffs=_payoffs(mine) if "payoffs" in metrics else [],
        seats=seats,
        unrated=reason,
        separated=None if fitted is None else separated(counted, pool),
    ), fitted


def _add_exact(game: GameAnalysis, outcomes: Outcomes, index: int, exact: ExactFacts, metrics: Sequence[str]) -> None:
    fair = without_luck(outcomes, index, exact) if "luck" in metrics else None
    corrected = [None] * len(game.standings) if fair is None else scores(fair)
    for who, (standing, one) in enumerate(zip(game.standings, corrected, strict=True)):
        standing.without_luck = None if one is None else Interval(one.mean, one.low, one.high)
        if "exploitability" in metrics:
            standing.exploitability = exact.exploitability.get((index, who))


def _ratings(strengths: Floats, draws: Floats, blocks: Floats) -> list[Interval | None]:
    """In Elo points; the anchor has no interval."""
    out: list[Interval | None] = []
    for value, of, count in zip(strengths, draws.T, blocks, strict=True):
        low, high = interval(float(value), of, float(count)) or (None, None)
        out.append(Interval(float(value * ELO), *(None if end is None else end * ELO for end in (low, high))))
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
    outcomes: Outcomes,
    games: Sequence[GameAnalysis],
    fits: Sequence[Fit | None],
    low: str | None,
    high: str | None,
    metrics: Sequence[str],
) -> Overall:
    pool = outcomes.operators
    middle: list[Interval | None] = [None] * len(pool)
    if low is not None and high is not None and "middle" in metrics:
        ends = pool.index(low), pool.index(high)
        means = [blocks_of(outcomes.of_game(index)) for index in range(len(games))]
        found = [interquartile_mean(means, who, *ends) for who in range(len(pool))]
        middle = [None if one is None else Interval(*one) for one in found]
    better = over_games([game.differences for game in games], [pool[slot] for slot in outcomes.people])
    missing = [game.unrated for game, one in zip(games, fits, strict=True) if one is None]
    rated = [one for one in fits if one is not None]
    if missing:
        return Overall(standings=[], without={}, middle=middle, better=better, unrated=missing[0])
    every = np.stack([one.strengths for one in rated])
    draws = np.mean([one.draws for one in rated], axis=0)
    ratings = _ratings(every.mean(0), draws, _blocks(rated))
    without = {
        game.game: [float(value * ELO) for value in np.delete(every, at, axis=0).mean(0)]
        for at, game in enumerate(games)
    }
    standings = [Standing(operator=who, rating=rating) for who, rating in zip(pool, ratings, strict=True)]
    return Overall(standings=standings, without=without, middle=middle, better=better)


def _blocks(fits: Sequence[Fit]) -> Floats:
    """Effective blocks of the mean over games: degrees of freedom by Welch (1947) and Satterthwaite (1946), and one.

    Where people sat they are the same at each game, so more games are no more people.
    """
    if any(one.people for one in fits):
        return np.asarray(np.min([one.blocks for one in fits], axis=0))
    variances = np.stack([one.draws.var(0) for one in fits])
    freedoms = np.stack([np.maximum(1.0, one.blocks - 1) for one in fits])
    squares = (variances**2 / freedoms).sum(0)
    return np.asarray(1 + np.divide(variances.sum(0) ** 2, squares, out=np.zeros_like(squares), where=squares > 0))
