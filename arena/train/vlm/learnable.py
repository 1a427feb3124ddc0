"""The models that a trainer can load, by the names of their operators, and the optimiser of their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from arena import names, plugins
from arena.errors import InputError
from arena.train import memory
from arena.train.vlm.engine import Ints
from arena.train.vlm.sampler import trainable


class Learner(Protocol):
    """A model as its operator's kind gives it to the trainer: see arena_operators/vlm/learner.py."""

    model: Any
    tokenizer: Any
    ends: frozenset[int]
    context: int | None
    image_token: int | None

    @property
    def base(self) -> str: ...
    def plain(self) -> Any: ...
    def added(self) -> Mapping[str, tuple[Tensor, Tensor]]: ...
    def fingerprint(self) -> dict[str, str]: ...
    def encode(self, messages: Any) -> tuple[Ints, tuple[tuple[int, int], ...]]: ...
    def banned(self) -> Any: ...
    def pixels(self, images: Sequence[Any]) -> dict[str, Tensor]: ...
    def features(self, pixels: Mapping[str, Tensor]) -> Tensor | None: ...
    def hidden(
        self, ids: Tensor, mask: Tensor, pixels: Mapping[str, Tensor], features: Tensor | None, inner: Any
    ) -> Tensor: ...
    def language(self) -> str: ...
    def tower(self) -> Sequence[Any]: ...
    def save(self, folder: Path, model: Any, dtype: str, about: Mapping[str, Any]) -> None: ...
    def note(self, file: Path, about: Mapping[str, Any]) -> None: ...


def learner(source: str, device: str, dtype: str) -> Learner:
    """The model of an operator's name, such as `vlm` or `llm:DIR`. InputError for one that cannot be trained."""
    kind, what = trainable(source)
    assert kind.learner is not None
    plugins.require_modules(f"training {kind.name}", ("torch", "transformers", "peft"), "train")
    if device != "cpu" and not torch.cuda.is_available():
        raise InputError(f"model.device={device}: torch finds no CUDA device here. Set model.device=cpu")
    todo = "train a smaller model" + (", or set model.weights=bfloat16 with model.mode=lora" * (dtype == "float32"))
    try:
        with memory.told(device, "loading the model", todo):
            made: Learner = plugins.resolve(kind.learner)(
                what, dict(names.parse(source).options), device=device, dtype=dtype
            )
    except (ValueError, MemoryError) as error:
        raise InputError(f"{source} cannot be trained: {error}") from error
    return made


def without_dropout(model: Any) -> None:
    """A dropped value would be another one each time a row is scored."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def new_optimizer(trained: Mapping[str, Any]) -> torch.optim.AdamW:
    """AdamW of these weights. What of it is what parameter follows from their order alone."""
    decays = {name: one.ndim >= 2 and "embed" not in name for name, one in trained.items()}
    groups = [
        {"params": [one for name, one in trained.items() if decays[name] is which], "decays": which}
        for which in (True, False)
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
