"""The settings of the critic. There is no torch here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from arena.errors import InputError
from arena.train import products, ranges
from arena.train.ranges import ABOVE_0, COUNT, DECAY, LEAST_0, SHARE
from arena.train.vlm.seen import INPUTS


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
    warmup: int = 3  # first updates, in which the critic learns alone,
    warmup_lam: float = 1.0  # by returns of this lambda: what it says by then depends least on what it said at first
    decay: float = 0.9  # of the running mean and deviation of returns
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # of the products of what sees

    def check(self) -> None:
        """InputError for what makes no sense, before anything is played: the critic is made after a whole rollout."""
        if not self.inputs or not {*self.inputs} <= {*INPUTS} or len({*self.inputs}) < len(self.inputs):
            raise InputError(f"critic.inputs={list(self.inputs)}: expected different ones of {', '.join(INPUTS)}")
        counts = dict.fromkeys(("hidden", "channels", "epochs", "batch"), COUNT)
        others = {
            "learning_rate": LEAST_0,
            "grad_norm": ABOVE_0,
            "warmup": LEAST_0,
            "warmup_lam": SHARE,
            "decay": DECAY,
        }
        ranges.check("critic", self, counts | others)

    def here(self) -> CriticConfig:
        """With what `dtype="auto"` is on this machine: a training keeps it where it is continued on another one."""
        return replace(self, dtype=products.settled(self.dtype))
