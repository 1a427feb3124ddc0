"""Whether a prompt, as whoever answered it had it in tokens, is the one that the trainer would score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]


def flaw(prompt: Ints, encoded: Ints, image: int | None = None) -> str | None:
    """Why a turn cannot be learnt from: its prompt is not `encoded`, the trainer's own. None: they are equal.

    Both int32 (tokens,), placeholders of pictures included. `image`: the placeholder. The reason is one of few, so that
    turns can be counted by it.
    """
    if np.array_equal(prompt, encoded):
        return None
    if image is not None:
        theirs, ours = (int((ids == image).sum()) for ids in (prompt, encoded))
        if theirs != ours:
            return f"its prompt has {theirs} placeholders of pictures where the trainer has {ours}"
    return "the trainer encodes its prompt otherwise"
