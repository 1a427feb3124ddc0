"""Leagues that were never played: outcomes of operators with known strengths."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.analysis.audit_facts import Facts
from arena.analysis.outcomes import STATUSES, Outcomes
from arena.game import Views
from arena.plan import PlanSpec
from arena.record.head import GameHead, Head, OperatorHead
from arena.schedule import seat_orders


def operator_head(name: str, **how: Any) -> OperatorHead:
    base: dict[str, Any] = dict(
        name=name, kind="random", what="", options={}, given=name, views=Views(text=True), file=None, fingerprint={},
        files=(), at=None, determinism="deterministic", threads=1,
    )  # fmt: skip
    return OperatorHead(**(base | how))


def game_head(names: list[str], seats: int, *, seeded: bool = True, **how: Any) -> GameHead:
    return GameHead(
        name="league", version=1, options={}, seats=seats, unit="points", returns=None, seeded=seeded, file=None,
        files={}, runtime=None, engines={}, operators=tuple(operator_head(name, **how) for name in names),
    )  # fmt: skip


def league(
    rng: np.random.Generator,
    strengths: npt.NDArray[np.float64],
    *,
    seats: int = 2,
    rounds: int = 10,
    seat: npt.NDArray[np.float64] | None = None,
    payoff: npt.NDArray[np.float64] | None = None,
    noise: float = 1.0,
    ties: float = 0.0,
    cut: float = 0.0,
    lineups: list[tuple[int, ...]] | None = None,
    mirror: bool = True,
) -> Outcomes:
    """Every line-up of the pool plays `rounds` blocks.

    A return is the operator's strength, the seat's worth, the deal's luck for the seat (of all matches of a block), and
    noise, less their mean over the seats. payoff: what row gets more from column (two seats). ties: share of matches in
    which all get the same; cut: share of matches that are unresolved.
    """
    pool = len(strengths)
    names = [f"o{slot}" for slot in range(pool)]
    orders = seat_orders(seats) if mirror else [tuple(range(seats))]
    rows, returns, blocks, status = [], [], [], []
    for _ in range(rounds):
        for lineup in lineups or list(itertools.combinations(range(pool), seats)):
            block = len(set(blocks))
            luck = rng.standard_t(4, seats)
            for order in orders:
                sat = [lineup[slot] for slot in order]
                gain = strengths[sat] + luck + noise * rng.standard_normal(seats) + (0 if seat is None else seat)
                if payoff is not None:
                    gain = gain + np.array([payoff[sat[0], sat[1]], payoff[sat[1], sat[0]]])
                gain = np.zeros(seats) if rng.random() < ties else gain - gain.mean()
                over = rng.random() >= cut
                rows.append(sat)
                returns.append(gain if over else np.full(seats, np.nan))
                blocks.append(block)
                status.append(STATUSES.index("terminated" if over else "unresolved"))
    n = len(rows)
    return Outcomes(
        games=(game_head(names, seats),), operators=tuple(names), mirror=mirror,
        match=np.arange(n), block=np.array(blocks), game=np.zeros(n, np.int16), status=np.array(status, np.int8),
        ticks=np.ones(n, np.int32), course=rng.integers(0, 2**63, n, np.uint64), lineup=np.array(rows, np.int16),
        returns=np.array(returns), faults=np.zeros((n, seats), np.int32), turns=np.ones((n, seats), np.int32),
    )  # fmt: skip


def facts(outcomes: Outcomes, **how: Any) -> Facts:
    """What an audit reads of such a league."""
    head = Head(
        plan=PlanSpec(games=("league",), operators=outcomes.operators), arena="", protocol="", python="", people=False,
        games=outcomes.games,
    )  # fmt: skip
    base: dict[str, Any] = dict(starts=outcomes.block.astype(np.uint64), answers={}, rerun=None)
    return Facts(head, outcomes, **(base | how))
