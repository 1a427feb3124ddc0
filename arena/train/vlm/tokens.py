"""What the policy loss takes of every token, made from rows and advantages. Weights are those of the whole batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.train.vlm.rows import Floats, Row

BAND = (0.5, 5.0)  # tokens whose probability differs more between trainer and sampler are not learnt from
FAR = 20.0  # larger differences are shown as this, and so is a token that trainer or sampler cannot score


def token_inputs(
    rows: Sequence[Row],
    advantages: Sequence[npt.NDArray[np.float64]],
    old: Sequence[Floats],
    *,
    ref: Sequence[Floats] | None = None,
    thought: float = 1.0,
    band: tuple[float, float] = BAND,
    parts: int = 1,
) -> tuple[list[dict[str, Floats]], dict[str, float]]:
    """The inputs of each row for `losses.policy`, float32 (response,) each, and metrics of the sampler's mismatch.

    Beside what the loss takes, `thought` and `answer`: weights of the tokens of each part alone, for its entropy.

    `advantages`, `old` (the trainer's log-probabilities before the update) and `ref` have a (response,) for each row.
    A token counts (m = 1) if its row is trainable and exp(old - mu) lies in `band`. Its weight is m over the sum of m,
    times `parts`: the number of optimiser steps that the batch is divided into. The advantage of a thought's token is
    multiplied by `thought`. ArenaError if none counts.
    """
    counts = [_counts(row, own, band) for row, own in zip(rows, old, strict=True)]
    total = sum(int(one.sum()) for one in counts)
    metrics = _mismatch(rows, old, total)
    if not total:
        raise ArenaError(
            f"no token of {len(rows)} turns can be learnt from: of {metrics['mismatch/tokens']:.0f} tokens none has a "
            f"probability within {band} of the sampler's. Trainer and sampler do not score alike (mismatch/k3 "
            f"{metrics['mismatch/k3']:.3g}): give the operator the trainer's model, and numbers (@dtype=, model.dtype)"
        )
    thoughts = [np.arange(len(row.response)) < row.thought for row in rows]
    total_thought = sum(int((one & own).sum()) for one, own in zip(counts, thoughts, strict=True))
    made = []
    for at, row in enumerate(rows):
        scale = np.where(thoughts[at], thought, 1.0)
        one = {
            "advantage": advantages[at] * scale,
            "old": old[at],
            "mu": row.mu,
            "weight": counts[at] * (parts / total),
            "thought": (counts[at] & thoughts[at]) * (parts / max(1, total_thought)),
            "answer": (counts[at] & ~thoughts[at]) * (parts / max(1, total - total_thought)),
        }
        if ref is not None:
            one["ref"] = ref[at]
        made.append({name: np.asarray(array, np.float32) for name, array in one.items()})
    return made, metrics


def _counts(row: Row, old: Floats, band: tuple[float, float]) -> npt.NDArray[np.bool_]:
    if not row.trainable:
        return np.zeros(len(row.response), np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = np.exp(_change(row, old))
    return (ratio >= band[0]) & (ratio <= band[1])


def _change(row: Row, old: Floats) -> npt.NDArray[np.float64]:
    """(response,) log-probabilities of the trainer less those of the sampler."""
    with np.errstate(invalid="ignore"):
        return old.astype(np.float64) - row.mu.astype(np.float64)


def _mismatch(rows: Sequence[Row], old: Sequence[Floats], total: int) -> dict[str, float]:
    """How far the trainer's log-probabilities are from the sampler's, over the trainable tokens."""
    learnt = [_change(row, own) for row, own in zip(rows, old, strict=True) if row.trainable]
    tokens = sum(map(len, learnt))
    change = np.concatenate([np.zeros(0 if tokens else 1), *learnt])
    change = np.nan_to_num(change, nan=-FAR).clip(-FAR, FAR)  # a token without a score does not look like agreement
    weights = np.exp(change)
    return {
        "mismatch/tokens": float(tokens),
        "mismatch/k3": float((np.expm1(change) - change).mean()),
        "mismatch/max": float(np.abs(change).max()),
        "mismatch/dropped": 1.0 - total / max(1, tokens),
        "mismatch/ess": float(weights.sum() ** 2 / (len(weights) * (weights**2).sum())),
    }
