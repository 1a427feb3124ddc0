"""The VecNormalize that a foreign model was trained with: a pickle, which is loaded only in a worker."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecNormalize

from arena_operators.ppo.wrap import Array


class Normalizer:
    """Normalises observations of the shape that it was trained on."""

    def __init__(self, file: Path) -> None:
        """Raises ValueError if `file` is not a VecNormalize."""
        try:
            with file.open("rb") as stream:
                loaded: Any = pickle.load(stream)
        except Exception as error:  # boundary: the pickle's own code runs
            raise ValueError(f"ppo@normalize={file} cannot be loaded: {type(error).__name__}: {error}") from error
        if not isinstance(loaded, VecNormalize):
            raise ValueError(
                f"ppo@normalize={file} holds a {type(loaded).__name__}; expected what VecNormalize.save wrote"
            )
        self._loaded = loaded
        self._shape = loaded.observation_space.shape

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether it was trained on observations of this shape (stacked or not)."""
        return bool(shape == self._shape)

    def __call__(self, seen: Array) -> Array:
        """Raises ValueError if `seen` has another shape."""
        if not self.takes(seen.shape):
            raise ValueError(f"ppo@normalize= was trained on observations of shape {self._shape}, not {seen.shape}")
        return np.asarray(self._loaded.normalize_obs(seen))
