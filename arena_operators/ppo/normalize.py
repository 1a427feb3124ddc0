"""The VecNormalize that a foreign model was trained behind: a pickle, which is loaded in a worker only."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecNormalize

from arena_operators.ppo.wrap import Array


class Normalizer:
    """observation -> normalised observation, of the shape that it was trained with."""

    def __init__(self, file: Path) -> None:
        """ValueError when `file` holds something else."""
        try:
            with file.open("rb") as stream:
                loaded: Any = pickle.load(stream)
        except Exception as error:  # the pickle's own code runs: the boundary to it
            raise ValueError(f"ppo@normalize={file} cannot be loaded: {type(error).__name__}: {error}") from error
        if not isinstance(loaded, VecNormalize):
            raise ValueError(
                f"ppo@normalize={file} holds a {type(loaded).__name__}; expected what VecNormalize.save wrote"
            )
        self._loaded = loaded
        self._shape = loaded.observation_space.shape

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether it was trained on observations of this shape: before or after they were stacked."""
        return bool(shape == self._shape)

    def __call__(self, seen: Array) -> Array:
        """ValueError when `seen` has another shape."""
        if not self.takes(seen.shape):
            raise ValueError(f"ppo@normalize= was trained on observations of shape {self._shape}, not {seen.shape}")
        return np.asarray(self._loaded.normalize_obs(seen))
