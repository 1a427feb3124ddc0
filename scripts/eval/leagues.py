"""Leagues that were never played: outcomes of operators whose strengths are known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.analysis.outcomes import STATUSES, Outcomes
from arena.game import Views
from arena.record.head import GameHead, OperatorHead
from arena.schedule import seat_orders


def operator_head(name: str, **how: Any) -> OperatorHead:
    """What a head says of an operator; `how`: fields with other values."""
    base: dict[str, Any] = dict(
        name=name, kind="random", what="", options={}, given=name, views=Views(text=True), file=None, fingerprint={},
        files=(), at=None, determinism="deterministic", threads=1,
    )  # fmt: skip
    return OperatorHead(**(base | how))


def game_head(
    names: Sequence[str], seats: int, *, seeded: bool = True, name: str = "league", people: int = 0, **how: Any
) -> GameHead:
    """What a head says of a game that these play, of whom the last are `people`; `how`: fields of its operators."""
    persons = [None] * (len(names) - people) + list(names[len(names) - people :])
    operators = tuple(operator_head(one, person=person, **how) for one, person in zip(names, persons, strict=True))
    return GameHead(
        name=name, version=1, options={}, seats=seats, unit="points", returns=None, seeded=seeded, file=None,
        files={}, runtime=None, engines={}, operators=operators,
    )  # fmt: skip


def league(
    strengths: Sequence[float] | npt.NDArray[np.float64],
    blocks: int = 10,
    *,
    seed: int | np.random.Generator = 0,
    seats: int = 2,
    games: int = 1,
    lineups: Sequence[tuple[int, ...]] | None = None,
    mirror: bool = True,
    wins: bool = True,
    ties: float = 0.3,
    seat: Sequence[float] | npt.NDArray[np.float64] = (0.2,),
    noise: float | Sequence[float] = 1.0,
    luck: float = 0.0,
    taste: float = 0.35,
    payoff: npt.NDArray[np.float64] | None = None,
    people: int = 0,
    manner: float = 0.0,
    unresolved: float = 0.0,
    cut: int = 0,
    seeded: bool = True,
) -> Outcomes:
    """At each game every line-up (of the whole pool, unless `lineups` are given) plays `blocks` blocks.

    A gain is the operator's strength and normal noise (a standard deviation for all, or one each), what its seat is
    worth (of the first seats; the others 0), and of the block: the luck of the seat's cards (Student's t of 4 degrees
    of freedom), and how the deal suits the operator (normal, `taste`). payoff: what row gains against column, of two
    seats. The last `people` of the pool are people; each suits every operator more or less in all of their matches
    (normal, `manner`).

    A return is 1 or -1 for a gain above or below the mean of the seats, or, without `wins`, the gain less that mean. It
    is 0 for all where gains are less than `ties` apart. unresolved: share of matches without a result; cut: how many
    matches at the end were not played.
    """
    chance, pool = np.random.default_rng(seed), len(strengths)
    names = tuple(f"op{slot}" for slot in range(pool))
    drawn = np.array(lineups or list(itertools.combinations(range(pool), seats)))
    orders = np.array(seat_orders(seats) if mirror else [tuple(range(seats))])
    who = drawn[:, orders]  # (line-ups, orders, seats)
    deals = games, blocks, len(drawn), 1, seats
    shape = (*deals[:3], len(orders), seats)
    worth = np.zeros(seats)
    worth[: len(seat)] = seat
    gain = np.asarray(strengths, np.float64)[who] + worth
    if payoff is not None:
        gain = gain + np.stack([payoff[who[..., 0], who[..., 1]], payoff[who[..., 1], who[..., 0]]], -1)
    if manner:
        suits = manner * chance.standard_normal((pool, pool))  # whom (row) each operator (column) meets
        suits[: pool - people] = 0.0
        np.fill_diagonal(suits, 0.0)
        gain = gain + suits[who[..., None, :], who[..., None]].sum(-1)
    gain = gain + luck * chance.standard_t(4, deals)
    gain = gain + taste * np.take(chance.standard_normal(deals)[..., 0, :], orders, axis=-1)
    gain = gain + np.broadcast_to(noise, pool)[who] * chance.standard_normal(shape)
    gain = gain - gain.mean(-1, keepdims=True)
    returns = np.where(np.ptp(gain, -1, keepdims=True) < ties, 0.0, np.sign(gain) if wins else gain)
    count = int(np.prod(shape[:4])) - cut
    lost = chance.random(count) < unresolved
    returns = returns.reshape(-1, seats)[:count]
    returns[lost] = np.nan
    each = np.arange(count)
    return Outcomes(
        tuple(game_head(names, seats, seeded=seeded, name=f"league{at or ''}", people=people) for at in range(games)),
        names, mirror, frozenset(range(pool - people, pool)),
        match=each, block=each // len(orders), game=(each // int(np.prod(shape[1:4]))).astype(np.int16),
        status=np.where(lost, STATUSES.index("unresolved"), 0).astype(np.int8), ticks=np.ones(count, np.int32),
        course=chance.integers(0, 2**63, count).astype(np.uint64),
        lineup=np.broadcast_to(who, shape).reshape(-1, seats)[:count].astype(np.int16), returns=returns,
        faults=np.zeros((count, seats), np.int32), turns=np.ones((count, seats), np.int32),
    )  # fmt: skip
