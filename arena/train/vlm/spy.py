"""Rewards of a game with one spy among civilians who give clues and then vote. Vision-Zero (2509.25541)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arena.train.vlm.advantages import Array

BETA = 0.1  # between the spy and the civilians
LAMBDA = 0.1  # between civilians
RIGHT, NOBODY, WRONG = 1.0, -0.5, -1.0  # a vote for the spy, for "n/a", for a civilian


def clue_rewards(votes: Sequence[int | None], spy: int, players: int, beta: float = BETA, lam: float = LAMBDA) -> Array:
    """(players,) rewards of the clues, from the civilians' votes: a seat each, or None for "n/a". They sum to zero.

    With v_s votes for the spy, v_j for civilian j, v_c their mean over the n_c civilians: -beta (v_s - v_c) for the
    spy, (beta / n_c)(v_s - v_c) - lam (v_j - v_c) for a civilian. ValueError for a seat that there is not.
    """
    if not 0 <= spy < players or players < 2:
        raise ValueError(f"spy={spy} of {players} players: expected a seat of at least two")
    counts = np.zeros(players)
    for vote in votes:
        if vote is None:
            continue
        if not 0 <= vote < players:
            raise ValueError(f"a vote for seat {vote}: expected 0 to {players - 1}, or None")
        counts[vote] += 1
    civilians = np.arange(players) != spy
    suspected = counts[civilians].mean()
    edge = counts[spy] - suspected
    out: Array = beta / (players - 1) * edge - lam * (counts - suspected)
    out[spy] = -beta * edge
    assert abs(out.sum()) < 1e-9 * max(1, len(votes)), "rewards of clues sum to zero"
    return out


def vote_rewards(votes: Sequence[int | None], spy: int) -> Array:
    """(votes,) rewards of the votes. In training they are standardised over a group, as `advantages.grpo` does."""
    return np.array([NOBODY if vote is None else RIGHT if vote == spy else WRONG for vote in votes], np.float64)
