"""Stacks the frames of one seat as Stable-Baselines3's VecFrameStack does."""

from __future__ import annotations

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env.stacked_observations import StackedObservations

from arena_operators.ppo.wrap import Array


class FrameStack:
    """The newest frames of one seat, the newest last. They are stacked along the last axis, or along the first one of
    pictures with channels first. Missing frames at the start are zeros.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: StackedObservations[Array] | None = None

    def push(self, frame: Array) -> Array:
        """Adds `frame` and returns a copy of the stack."""
        rows = frame[None]
        if self._held is None:
            high = 255 if frame.dtype == np.uint8 else np.inf
            low = 0 if frame.dtype == np.uint8 else -np.inf
            space = gymnasium.spaces.Box(low, high, frame.shape, frame.dtype.type)
            self._held = StackedObservations(1, self._count, space)
            stacked = self._held.reset(rows)
        else:
            stacked, _ = self._held.update(rows, np.zeros(1, np.bool_), [{}])
        out: Array = stacked[0].copy()
        return out
