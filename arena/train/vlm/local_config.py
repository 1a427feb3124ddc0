"""The settings of the engine in this process. There is no torch here."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from arena.errors import InputError
from arena.train import products, ranges

DEVICE = re.compile(r"cpu|cuda(:\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalConfig:
    """Settings of a LocalEngine."""

    mode: Literal["full", "lora"] = "lora"  # what is trained: all weights, or an adapter on the language layers
    freeze_vision_tower: bool = False  # of mode full: what sees, and its connector, stay; an adapter never changes them
    rank: int = 32
    alpha: int = 64
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # of products; sums and logits are float32
    weights: Literal["float32", "bfloat16"] = "float32"  # in memory, of the model; those of an adapter are float32
    checkpointing: bool = False  # keep less for the gradient and compute it again: slower, in less memory
    tokens: int = 2048  # of a pass, padding included: more take more memory
    fixed: bool = True  # copies fill every pass: what a row gets does not depend on what else is in the batch
    pictures: int = 1 << 28  # bytes of features of pictures that are kept, where the tower is not trained
    temperature: float = 1.0  # of the sampler; log-probabilities are those of what it drew from
    device: str = "cpu"
    seed: int = 0  # of the adapter's first weights

    def __post_init__(self) -> None:
        if not DEVICE.fullmatch(self.device):
            raise InputError(f"model.device={self.device}: expected cpu, cuda or cuda:N")
        products.settled(self.dtype, self.device)
        allowed = {"mode": ("full", "lora"), "weights": products.DTYPES}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise InputError(f"model.{name}={getattr(self, name)}: expected {' or '.join(values)}")
        counts = dict.fromkeys(("rank", "alpha", "tokens"), ranges.COUNT)
        ranges.check("model", self, counts | {"temperature": ranges.ABOVE_0})
        if self.mode == "full" and self.weights != "float32":
            raise InputError(
                "model.weights=bfloat16 goes with mode=lora: small changes of weights would be rounded away"
            )

    @property
    def sees_as_before(self) -> bool:
        """Whether image tokens stay what they are, so that each picture's are computed once."""
        return self.mode == "lora" or self.freeze_vision_tower

    def here(self) -> LocalConfig:
        """With what `dtype="auto"` is on this machine: a training keeps it where it is continued on another one."""
        return replace(self, dtype=products.settled(self.dtype, self.device))
