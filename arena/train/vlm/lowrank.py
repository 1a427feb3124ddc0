"""What a training changed as a small LoRA adapter: the largest directions of it."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn


def adapted(start: Any, trained: Any, rank: int) -> tuple[Any, float]:
    """`start`, which is changed, with an adapter that takes it near `trained`, and the share of the squared change of

    all weights that is in the adapter, from 0 to 1. The difference of each linear layer but the head is cut to its
    `rank` largest singular directions, which is the nearest matrix of that rank (Eckart and Young 1936); other weights
    stay those of the start.
    """
    from peft import LoraConfig, get_peft_model

    now = dict(trained.named_parameters())
    changes = {name: now[name].detach() - one.detach() for name, one in start.named_parameters()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by names that are to go
        how = LoraConfig(r=rank, lora_alpha=rank, target_modules="all-linear", bias="none", task_type="CAUSAL_LM")
        wrapped = get_peft_model(start, how)
    kept = 0.0
    for name, module in wrapped.get_base_model().named_modules():
        if hasattr(module, "lora_A"):
            kept += _fill(module, changes[f"{name}.weight"].float())
    total = sum(float(one.float().square().sum()) for one in changes.values())
    return wrapped, (kept / total if total else 1.0)


def cut(down: torch.Tensor, up: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor, float, float]:
    """The factors (`rank`, in) and (out, `rank`) of the matrix of that rank that is nearest to `up` @ `down`.

    Then the squares of what they hold, and of what was given. The product itself, which is large, is never made.
    """
    left, upper = torch.linalg.qr(up)
    right, lower = torch.linalg.qr(down.T)
    turned, size, other = torch.linalg.svd(upper @ lower.T)
    root = size[:rank].sqrt()
    kept, total = float(size[:rank].square().sum()), float(size.square().sum())
    return root[:, None] * (right @ other.T[:, :rank]).T, left @ turned[:, :rank] * root, kept, total


def _fill(module: Any, change: torch.Tensor) -> float:
    """Set a layer's pair of matrices, and give the square of what they add."""
    down: nn.Linear = module.lora_A["default"]
    up: nn.Linear = module.lora_B["default"]
    left, size, right = torch.linalg.svd(change, full_matrices=False)
    count = min(down.out_features, len(size))
    root = size[:count].sqrt()
    with torch.no_grad():
        down.weight.zero_()
        up.weight.zero_()
        down.weight[:count] = root[:, None] * right[:count]
        up.weight[:, :count] = left[:, :count] * root
    return float(size[:count].square().sum())
