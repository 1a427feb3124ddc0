"""What an engine writes for samplers and for others: all weights, or an adapter as peft has it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from arena.train.vlm import lowrank
from arena.train.vlm.learnable import Learner
from arena.train.vlm.saved import MARKER, whole

PEFT = "base_model.model."  # before a layer's name, as peft has it; behind it, of a linear layer and of an embedding:
LINEAR, EMBEDDING = (".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B")
Factors = Mapping[str, lowrank.Pair]  # by layer


def write_sampler(
    path: Path,
    model: Any,
    about: Mapping[str, Any],
    learner: Learner,
    own: Factors,
    weights: Mapping[str, Tensor] | None = None,
) -> Path:
    """All weights, or the adapter, of `model`, as its own library writes them. `weights`: instead of those it holds.

    `own`: of the adapter that was merged before training, which the new one brings as well; `learner`: of `model`.
    """
    with whole(path) as fresh:
        if own:
            _write_peft(fresh, learner, about, *_with_own(model, own, weights))
        elif hasattr(model, "peft_config"):
            _write_peft(fresh, learner, about, model.peft_config["default"], _adapter(model, weights))
        else:
            model.save_pretrained(fresh, state_dict=weights)
        (fresh / MARKER).write_text(json.dumps(about) + "\n", encoding="utf-8")
    return path


def write_adapter(
    path: Path, model: Any, about: Mapping[str, Any], learner: Learner, own: Factors, rank: int | None = None
) -> float:
    """The adapter of `model` for others, in bfloat16.

    `rank`: the most that a layer gets (None: what it has). Gives the share of the adapter's square that is left.
    """
    with whole(path, resumes=False) as fresh:
        how, weights, share = model.peft_config["default"], _adapter(model), 1.0
        if own:
            how, weights = _with_own(model, own)
        if rank is not None and rank < how.r:
            how, weights, share = _cut(how, weights, rank)
        _write_peft(fresh, learner, about, how, _bfloat16(weights))
        (fresh / MARKER).write_text(json.dumps(about) + "\n", encoding="utf-8")
    return share


def write_factors(
    path: Path, model: Any, pairs: Factors, rank: int, about: Mapping[str, Any], learner: Learner
) -> None:
    """As `write_adapter`, of these factors of layers of `model`; `rank`: of a layer that is not among them."""
    counts = {name: len(down) for name, (down, _) in pairs.items()}
    how = LoraConfig(
        r=rank,
        lora_alpha=rank,
        target_modules=sorted(counts),
        rank_pattern=counts,
        alpha_pattern=counts,
        bias="none",
        task_type="CAUSAL_LM",
    )
    with whole(path, resumes=False) as fresh:
        _write_peft(fresh, learner, about, how, _bfloat16(_named(model, pairs)))
        (fresh / MARKER).write_text(json.dumps(about) + "\n", encoding="utf-8")


def _bfloat16(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: one.to(torch.bfloat16) for name, one in weights.items()}


def _cut(how: Any, weights: Mapping[str, Tensor], rank: int) -> tuple[Any, dict[str, Tensor], float]:
    """The nearest adapter of that rank, its settings and weights, and the share of the square that is left."""
    out: dict[str, Tensor] = {}
    kept, total, scale = 0.0, 0.0, how.lora_alpha / how.r
    for name, (down, up) in _factors(weights).items():
        *pair, some, every = lowrank.cut(down, up * scale, rank)
        out |= _as_peft(name, *pair, embedding=f"{PEFT}{name}{EMBEDDING[0]}" in weights)
        kept, total = kept + some, total + every
    how = copy.copy(how)
    how.r = how.lora_alpha = rank
    return how, out, kept / total if total else 1.0


def _factors(weights: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """The factors of an adapter by layer, as `Factors` has them, but for its scale: of an embedding peft turns them."""
    out = {}
    for key, first in weights.items():
        for (down, up), turned in ((LINEAR, False), (EMBEDDING, True)):
            if key.endswith(down):
                second = weights[key.removesuffix(down) + up]
                pair = (second.T, first.T) if turned else (first, second)
                one, other = (each.detach().float().cpu() for each in pair)
                out[key.removeprefix(PEFT).removesuffix(down)] = one, other
    return out


def _named(model: Any, pairs: Factors) -> dict[str, Tensor]:
    """The factors of layers of `model` by peft's names."""
    out: dict[str, Tensor] = {}
    for name, pair in pairs.items():
        out |= _as_peft(name, *pair, embedding=isinstance(model.get_submodule(name), torch.nn.Embedding))
    return out


def _as_peft(name: str, down: Tensor, up: Tensor, *, embedding: bool) -> dict[str, Tensor]:
    """The factors of a layer by peft's names."""
    ends, pair = (EMBEDDING, (up.T, down.T)) if embedding else (LINEAR, (down, up))
    return {f"{PEFT}{name}{end}": one for end, one in zip(ends, pair, strict=True)}


def _adapter(model: Any, weights: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The weights of a model's adapter by peft's names, which asks nobody. `weights`: instead of those it holds."""
    found: dict[str, Tensor] = get_peft_model_state_dict(model, state_dict=weights, save_embedding_layers=False)
    return found


def _write_peft(
    folder: Path, learner: Learner, about: Mapping[str, Any], how: Any, weights: Mapping[str, Tensor]
) -> None:
    """An adapter as peft has it, for the model by the name that finds it from any folder."""
    how = copy.copy(how)
    how.base_model_name_or_path, how.inference_mode = learner.base, True
    how.save_pretrained(str(folder))
    file = folder / "adapter_model.safetensors"
    save_file({name: one.contiguous() for name, one in weights.items()}, file)
    learner.note(file, about)


def _with_own(model: Any, own: Factors, weights: Mapping[str, Tensor] | None = None) -> tuple[Any, dict[str, Tensor]]:
    """One adapter, its settings and weights, that adds the model's trained one and `own`.

    The factors of both stand side by side, so their products add, exactly. All layers get one rank, which every loader
    takes: what a layer does not need is zero.
    """
    how, state = copy.copy(model.peft_config["default"]), _adapter(model, weights)
    scale = how.lora_alpha / how.r
    pairs: dict[str, list[tuple[Tensor, Tensor]]] = {name: [factors] for name, factors in own.items()}
    for name, (down, up) in _factors(state).items():
        pairs.setdefault(name, []).append((down, up * scale))
    most = max(sum(len(down) for down, _ in each) for each in pairs.values())
    both: dict[str, lowrank.Pair] = {}
    for name, each in pairs.items():
        down, up = torch.cat([one for one, _ in each]), torch.cat([one for _, one in each], 1)
        spare = most - len(down)
        both[name] = torch.nn.functional.pad(down, (0, 0, 0, spare)), torch.nn.functional.pad(up, (0, spare))
    how.r = how.lora_alpha = most
    how.target_modules = set(pairs)
    return how, _named(model.get_base_model(), both)
