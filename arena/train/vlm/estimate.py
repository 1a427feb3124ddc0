"""From an algorithm's name to the advantage of every token: what holds whatever the algorithm is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from arena import files, names
from arena.errors import InputError, nearest, sentence
from arena.train.vlm.advantages import ALGORITHMS, FLAT, Advantage, Array, Inputs
from arena.train.vlm.rows import Row

Filter = Literal["none", "pos", "asym"]
ADVANTAGE, REWARDS = ("rows", "inputs"), ("rows",)  # what a function of yours is called with


def find(name: str) -> Advantage:
    """The algorithm of this name, or the function of "FILE.py:FUNCTION". InputError names what there is."""
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if not names.parse(name).is_file:
        raise InputError(f"no algorithm is called {name!r}. {nearest(name, ALGORITHMS)} Your own: FILE.py:FUNCTION.")
    return files.function(name, ADVANTAGE)


def reshaped(rows: Sequence[Row], name: str | Callable[[Sequence[Row]], Array]) -> list[Row]:
    """The rows with the rewards that the function of "FILE.py:FUNCTION" gives: (rows,) numbers, of the rows.

    InputError for another number of rewards, or one that is not finite. Scores are not touched: only what is learnt.
    """
    what, wanted = f"rewards {name!r}", f"{len(rows):,} finite numbers, one a row"
    rewards = _numbers((files.function(name, REWARDS) if isinstance(name, str) else name)(rows), what, wanted)
    if rewards.shape != (len(rows),):
        raise InputError(f"{what} returned shape {rewards.shape}: expected {wanted}")
    if not np.isfinite(rewards).all():
        raise InputError(f"{what} returned {np.sum(~np.isfinite(rewards)):,} numbers that are not finite")
    return [replace(row, reward=float(reward)) for row, reward in zip(rows, rewards, strict=True)]


def estimate(
    rows: Sequence[Row],
    inputs: Inputs,
    algorithm: str | Advantage = "ppo",
    *,
    filter: Filter = "none",
    kappa: float = 0.1,
    limit: float | None = None,
) -> list[Array]:
    """The advantages of a batch: for each row (response,) float64, a number a token; 0 where a row is not trainable.

    A turn that was not parsed is forced to A <= 0. Then the filter: "none"; "pos": max(A, 0) over the standard
    deviation of the positive ones; "asym": max(A, 0) + kappa min(A, 0). Then A is cut to [-limit, limit]. InputError
    where an algorithm returned another number of advantages, or one that is not finite.
    """
    made = (find(algorithm) if isinstance(algorithm, str) else algorithm)(rows, inputs)
    lengths = [len(row.response) for row in rows]
    what = f"algorithm {algorithm!r}"
    wanted = f"{len(rows):,} numbers, one a row, or a list with an array for each row, as long as its response"
    each = [_numbers(one, what, wanted) for one in (made if isinstance(made, list) else [made])]
    a_token = isinstance(made, list) and any(one.ndim for one in each)
    if isinstance(made, list) and not a_token:
        each = [np.array(each, np.float64)]
    shapes = [(length,) for length in lengths] if a_token else [(len(rows),)]
    if [one.shape for one in each] != shapes:
        found = f"a list of {len(each):,} arrays" if a_token else f"shape {each[0].shape}"
        where = next((at for at, (one, due) in enumerate(zip(each, shapes, strict=False)) if one.shape != due), None)
        odd = f", of which number {where} has shape {each[where].shape}" if a_token and where is not None else ""
        raise InputError(f"{what} returned {found}{odd}: expected {wanted}")
    flat = np.concatenate([np.zeros(0), *each])
    if not np.isfinite(flat).all():
        raise InputError(f"algorithm {algorithm!r} returned {np.sum(~np.isfinite(flat))} numbers that are not finite")
    counts = lengths if a_token else [1] * len(rows)
    flat[np.repeat(np.array([not row.trainable for row in rows], np.bool_), counts)] = 0.0
    unparsed = np.repeat(np.array([not row.parsed for row in rows], np.bool_), counts)
    flat[unparsed] = np.minimum(flat[unparsed], 0.0)
    flat = _filtered(flat, filter, kappa)
    if limit is not None:
        flat = np.clip(flat, -limit, limit)
    if a_token:
        return np.split(flat, np.cumsum(counts)[:-1])
    return [np.full(length, one) for length, one in zip(lengths, flat, strict=True)]


def _numbers(made: object, what: str, wanted: str) -> Array:
    """What a function returned as a new float64 array. InputError for anything but numbers."""
    try:
        found = np.asarray(made)
        if found.dtype.kind in "biuf":
            return found.astype(np.float64)
        why = ""
    except (TypeError, ValueError, RuntimeError) as error:
        why = f" ({sentence(error)})"
    raise InputError(f"{what} returned {type(made).__name__}{why}: expected {wanted}")


def _filtered(flat: Array, filter: Filter, kappa: float) -> Array:
    match filter:
        case "none":
            return flat
        case "pos":
            spread = flat[flat > 0].std() if (flat > 0).any() else 0.0
            return np.maximum(flat, 0.0) / (spread if spread > FLAT else 1.0)
        case "asym":
            return np.maximum(flat, 0.0) + kappa * np.minimum(flat, 0.0)
    raise InputError(f"filter {filter!r}: expected none, pos or asym")
