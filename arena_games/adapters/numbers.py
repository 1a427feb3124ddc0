"""Numbers in words, for the text view of an observation that has no words of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MOST = 120  # most numbers that are written; a reader would not follow more


def in_words(values: npt.NDArray[np.float32], labels: Sequence[str] = ()) -> str:
    """With labels: `cart position = 0.01, ...`. Without: all numbers if they are few, else those that are not 0."""
    flat = values.reshape(-1)
    if labels:
        return ", ".join(f"{label} = {_short(value)}" for label, value in zip(labels, flat, strict=True))
    if flat.size <= 16:
        return "[" + ", ".join(_short(value) for value in flat) + "]"
    at = np.flatnonzero(flat)
    shown = ", ".join(f"{index}: {_short(flat[index])}" for index in at[:MOST])
    more = f" and {at.size - MOST} more" if at.size > MOST else ""
    return f"{flat.size} numbers, 0 except (index: value) {shown or 'none'}{more}"


def _short(value: np.floating) -> str:
    return f"{float(value):.5g}"
