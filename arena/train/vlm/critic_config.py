"""The settings of the critic. There is no torch here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from arena.train import products


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticConfig:
    """Settings of the critic."""

    inputs: tuple[str, ...] = ("picture",)  # of seen.INPUTS
    hidden: int = 512  # width of each input's layer and of the last one
    channels: int = 32  # of the first convolution; the others have twice as many
    learning_rate: float = 3e-4
    grad_norm: float = 1.0
    epochs: int = 1  # passes over an update's turns
    batch: int = 64
    warmup: int = 3  # first updates, in which the critic learns alone
    decay: float = 0.9  # of the running mean and deviation of returns
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # of the products of what sees

    def here(self) -> CriticConfig:
        """With what `dtype="auto"` is on this machine: a training keeps it where it is continued on another one."""
        return replace(self, dtype=products.settled(self.dtype))
