"""What a training changed as a small LoRA adapter: the largest directions of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import nn

from arena.errors import InputError

Pair = tuple[torch.Tensor, torch.Tensor]  # (down, up), whose product up @ down is added to a weight
MOST = 4  # times the rank that was asked for: of one layer


def largest(start: Any, trained: Any, rank: int, leave: Collection[str] = ()) -> tuple[dict[str, Pair], float]:
    """The factors of an adapter that takes `start` near `trained`, by layer, and the share of the squared change of all

    weights that they hold, from 0 to 1. They have no more weights than an adapter of `rank` on each linear layer but
    the head. These go where they hold most: to the largest singular directions (which make the nearest matrix of their
    number, Eckart and Young 1936) of all these layers and of the embeddings, `MOST` times `rank` of one at most.
    `leave`: layers that get none. InputError where there is no such layer.
    """
    now = dict(trained.named_parameters())
    changes = {name: now[name].detach().float() - one.detach().float() for name, one in start.named_parameters()}
    linear = [name for name in _linear(start) if name not in leave]
    if not linear:
        raise InputError("the model has no linear layer that an adapter could change: use `arena export model`")
    budget = rank * sum(sum(changes[f"{name}.weight"].shape) for name in linear)
    layers = [*linear, *(name for name in _of(start, nn.Embedding) if name not in leave)]
    parts = {name: _directions(changes[f"{name}.weight"], MOST * rank) for name in layers}
    counts = _spread(
        {name: (size.square(), len(left) + len(right)) for name, (left, size, right) in parts.items()}, budget
    ) or {linear[0]: 1}  # where nothing changed: peft knows no adapter of nothing
    out, kept = {}, 0.0
    for name, count in counts.items():
        left, size, right = (one[..., :count] for one in parts[name])
        out[name] = size.sqrt()[:, None] * right.T, left * size.sqrt()
        kept += float(size.square().sum())
    total = sum(float(one.square().sum()) for one in changes.values())
    return out, (kept / total if total else 1.0)


def _of(model: nn.Module, kind: type[nn.Module]) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, kind)]


def _linear(model: Any) -> list[str]:
    """Linear layers but the head."""
    head = model.get_output_embeddings()
    return [name for name in _of(model, nn.Linear) if model.get_submodule(name) is not head]


def _directions(change: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The `most` largest: (out, n) to the left, their (n,) sizes, (in, n) to the right."""
    left, size, right = torch.linalg.svd(change, full_matrices=False)
    return left[:, :most], size[:most], right[:most].T


def _spread(parts: Mapping[str, tuple[torch.Tensor, int]], budget: int) -> dict[str, int]:
    """How many directions each layer gets, those that get one. `parts`: the squares of a layer's, falling, and the

    weights that one takes; `budget`: of all weights. What holds most for its weights comes first (Dantzig 1957).
    """
    every = [(float(one) / cost, name) for name, (squares, cost) in parts.items() for one in squares if one > 0]
    counts: dict[str, int] = {}
    for _, name in sorted(every, reverse=True):
        if (cost := parts[name][1]) <= budget:
            counts[name] = counts.get(name, 0) + 1
            budget -= cost
    return counts


def cut(down: torch.Tensor, up: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor, float, float]:
    """The factors (`rank`, in) and (out, `rank`) of the matrix of that rank that is nearest to `up` @ `down`.

    A matrix of fewer directions has zeros for the others. Then the squares of what they hold, and of what was given.
    The product itself, which is large, is never made.
    """
    left, upper = torch.linalg.qr(up)
    right, lower = torch.linalg.qr(down.T)
    turned, size, other = torch.linalg.svd(upper @ lower.T)
    count = min(rank, len(size))
    root, spare = size[:count].sqrt(), rank - count
    kept, total = float(size[:count].square().sum()), float(size.square().sum())
    down, up = root[:, None] * (right @ other.T[:, :count]).T, left @ turned[:, :count] * root
    return nn.functional.pad(down, (0, 0, 0, spare)), nn.functional.pad(up, (0, spare)), kept, total
