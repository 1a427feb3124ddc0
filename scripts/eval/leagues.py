"""Leagues of known strengths, as outcomes."""

from __future__ import annotations

import itertools

import numpy as np

from arena.analysis.outcomes import Outcomes


class _Game:
    """What statistics need of a game's head."""

    def __init__(self, name: str, seats: int) -> None:
        self.name, self.seats, self.unit, self.seeded = name, seats, "points", True


def league(strengths, blocks, *, seed=0, ties=0.3, seat=0.2, noise=None, cut=0, unresolved=0.0, games=1):
    """A round robin of mirrored blocks for two: a return is 1, 0 or -1 of noisy strengths of the deal."""
    chance = np.random.default_rng(seed)
    pool, rows = len(strengths), []
    noise = [1.0] * pool if noise is None else noise
    match = 0
    for game in range(games):
        for block in range(blocks):
            for number, (one, other) in enumerate(itertools.combinations(range(pool), 2)):
                deal = chance.normal(0, 0.5)
                for order in ((one, other), (other, one)):
                    luck = [strengths[who] + noise[who] * chance.normal() for who in order]
                    gap = luck[0] - luck[1] + seat + (deal if order[0] == one else -deal)
                    value = 0.0 if abs(gap) < ties else float(np.sign(gap))
                    lost = chance.random() < unresolved
                    rows.append((match, (game * blocks + block) * pool * pool + number, game, lost, order, value))
                    match += 1
    rows = rows[: len(rows) - cut]
    lineup = np.array([row[4] for row in rows], np.int16)
    values = np.array([[row[5], -row[5]] for row in rows])
    lost = np.array([row[3] for row in rows])
    values[lost] = np.nan
    count = len(rows)
    return Outcomes(
        tuple(_Game(f"game{at}", 2) for at in range(games)),
        tuple(f"op{at}" for at in range(pool)),
        True,
        match=np.arange(count),
        block=np.array([row[1] for row in rows]),
        game=np.array([row[2] for row in rows], np.int16),
        status=np.where(lost, 3, 0).astype(np.int8),
        ticks=np.ones(count, np.int32),
        course=chance.integers(0, 2**63, count).astype(np.uint64),
        lineup=lineup,
        returns=values,
        faults=np.zeros((count, 2), np.int32),
        turns=np.ones((count, 2), np.int32),
    )
