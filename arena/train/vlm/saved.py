"""What an engine writes: its state, weights for samplers, and the rows of an update that failed. All in safetensors

and JSON, so nothing in it can run code, and each folder appears when it is whole.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from peft import get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from arena.errors import ArenaError, CheckpointError, InputError, nearest, sentence
from arena.train.vlm import begun, lowrank, no_model
from arena.train.vlm.engine import Datum

VERSION = 1
INSTEAD = "Name another one, or resume from the state before it"  # of a state that is damaged
FACTS, SERVED = begun.STATE, begun.SERVED
MARKER = begun.WEIGHTS  # the last file of a folder of weights
PEFT = "base_model.model."  # before a layer's name, as peft has it; behind it, of a linear layer and of an embedding:
LINEAR, EMBEDDING = (".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B")
Factors = Mapping[str, tuple[Tensor, Tensor]]  # by layer: (down, up), whose product up @ down is added to its weight


class Batch(NamedTuple):
    """Rows that were written."""

    path: Path
    rows: int


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A new folder beside `path` to write into, which becomes `path` at the end; nothing is left where that fails."""
    fresh = path.with_name(f".{path.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        yield fresh
        for file in fresh.rglob("*"):
            if file.is_file():
                with file.open("rb") as stream:
                    os.fsync(stream.fileno())
        if path.exists():
            shutil.rmtree(path)
        fresh.rename(path)
    except (OSError, SafetensorError) as error:
        raise ArenaError(
            f"{path} cannot be written: {sentence(error)} What was written before is whole; make room, and resume"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_sampler(
    path: Path,
    model: Any,
    about: Mapping[str, Any],
    base: str,
    own: Factors,
    weights: Mapping[str, Tensor] | None = None,
) -> Path:
    """All weights, or the adapter, of `model`, as its own library writes them. `weights`: instead of those it holds.

    `own`: of the adapter that was merged before training, which the new one brings as well; `base`: as `write_adapter`.
    """
    with whole(path) as fresh:
        if own:
            _write_peft(fresh, base, *_with_own(model, own, weights))
        else:
            # Left to itself, peft asks the internet for the model's name, each time: were words added to it?
            offline = {"save_embedding_layers": False} if hasattr(model, "peft_config") else {}
            model.save_pretrained(fresh, state_dict=weights, **offline)
        (fresh / MARKER).write_text(json.dumps(about) + "\n", encoding="utf-8")
    return path


def write_adapter(
    path: Path, model: Any, about: Mapping[str, Any], base: str, own: Factors, rank: int | None = None
) -> float:
    """The adapter of `model` for others, in bfloat16. `base`: the name of its model, in place of a folder here.

    `rank`: the most that a layer gets (None: what it has). Gives the share of the adapter's square that is left.
    """
    with whole(path) as fresh:
        how, weights, share = model.peft_config["default"], _adapter(model), 1.0
        if own:
            how, weights = _with_own(model, own)
        if rank is not None and rank < how.r:
            how, weights, share = _cut(how, weights, rank)
        _write_peft(fresh, base, how, {name: one.to(torch.bfloat16) for name, one in weights.items()})
        (fresh / MARKER).write_text(json.dumps(about) + "\n", encoding="utf-8")
    return share


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


def _as_peft(name: str, down: Tensor, up: Tensor, *, embedding: bool) -> dict[str, Tensor]:
    """The factors of a layer by peft's names."""
    ends, pair = (EMBEDDING, (up.T, down.T)) if embedding else (LINEAR, (down, up))
    return {f"{PEFT}{name}{end}": one for end, one in zip(ends, pair, strict=True)}


def _adapter(model: Any, weights: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The weights of a model's adapter by peft's names, which asks nobody. `weights`: instead of those it holds."""
    found: dict[str, Tensor] = get_peft_model_state_dict(model, state_dict=weights, save_embedding_layers=False)
    return found


def _write_peft(folder: Path, base: str, how: Any, weights: Mapping[str, Tensor]) -> None:
    """An adapter as peft has it."""
    how = copy.copy(how)
    how.base_model_name_or_path, how.inference_mode = base, True
    how.save_pretrained(str(folder))
    save_file({name: one.contiguous() for name, one in weights.items()}, folder / "adapter_model.safetensors")


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
    out: dict[str, Tensor] = {}
    base = model.get_base_model()
    for name, each in pairs.items():
        down, up = torch.cat([one for one, _ in each]), torch.cat([one for _, one in each], 1)
        spare, embedding = most - len(down), isinstance(base.get_submodule(name), torch.nn.Embedding)
        down, up = torch.nn.functional.pad(down, (0, 0, 0, spare)), torch.nn.functional.pad(up, (0, spare))
        out |= _as_peft(name, down, up, embedding=embedding)
    how.r = how.lora_alpha = most
    how.target_modules = set(pairs)
    return how, out


def write_state(
    path: Path, trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, facts: Mapping[str, Any]
) -> None:
    """The trained weights, the optimiser's moments, and what they belong to."""
    if path.exists():
        raise InputError(f"{path} exists: a state is never overwritten; name a new folder")
    with whole(path) as fresh:
        weights = {name: one.detach().cpu().contiguous() for name, one in trained.items()}
        save_file(weights, fresh / "weights.safetensors")
        moments = {
            f"{index}.{name}": value.cpu().contiguous()
            for index, entry in optimizer.state_dict()["state"].items()
            for name, value in entry.items()
        }
        save_file(moments, fresh / "optimizer.safetensors")
        (fresh / FACTS).write_text(
            json.dumps({"version": VERSION, **facts}, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )


def read_facts(path: Path, name: str = FACTS, what: str = "checkpoint") -> dict[str, Any]:
    """What a state belongs to. CheckpointError if there is none, or it is of another version.

    `name`: the file that says so; `what` it is a state of, in words.
    """
    try:
        facts = json.loads((path / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is no {what}, or its {name} is damaged: {sentence(error)} {INSTEAD}") from error
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        found = facts.get("version") if isinstance(facts, dict) else None
        raise CheckpointError(
            f"{path} was written in version {found} of its format, and this arena reads version {VERSION}: resume it "
            "with the arena that wrote it"
        )
    return facts


def newest(folder: Path) -> Path:
    """`folder` if it is a state, else the last state by name below it. CheckpointError if there is none."""
    if (folder / FACTS).is_file():
        return folder
    every = (file.relative_to(folder) for file in folder.rglob(FACTS))
    found = [folder / file.parent for file in every if not any(part.startswith(".") for part in file.parts)]
    if not found:
        raise CheckpointError(_why_none(folder))
    return max(found)


def _why_none(folder: Path) -> str:
    """Why there is nothing to export in a folder, and what to do."""
    if not folder.exists():
        return f"there is no folder {folder}: name the folder of a training, or one of its checkpoints"
    if (said := no_model.why(folder)) is not None:
        return f"{folder} {said}"
    return (
        f"{folder} holds no checkpoint of `arena train vlm` or `arena train sft`: name the folder of a training, or "
        "one of its checkpoints. One that was stopped before its first checkpoint goes on with --resume"
    )


def read_state(
    path: Path, trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer | None, facts: Mapping[str, Any]
) -> None:
    """Put a state into the weights and the optimiser, all of it or nothing. CheckpointError with the reason."""
    found = read_facts(path)
    for name in dict.fromkeys((*facts, *found)):
        was, now = found.get(name), facts.get(name)
        if was != now and name not in ("source", "version"):
            what = "its base model has other files" if name == "base" else f"{name}={was}, not {now}"
            raise CheckpointError(f"{path} is the state of another model ({found.get('source')}): {what}")
    weights = _tensors(path / "weights.safetensors")
    moments = {} if optimizer is None else _tensors(path / "optimizer.safetensors")
    if weights.keys() != trained.keys():
        other = sorted(weights.keys() ^ trained.keys())[0]
        raise CheckpointError(f"{path} is the state of another model: {other}. {nearest(other, trained)}")
    for name, one in trained.items():
        if weights[name].shape != one.shape or weights[name].dtype != one.dtype:
            raise CheckpointError(
                f"{path} is the state of another model: {name} is {tuple(weights[name].shape)} {weights[name].dtype}, "
                f"not {tuple(one.shape)} {one.dtype}"
            )
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in moments.items():
        index, _, what = name.partition(".")
        state.setdefault(int(index), {})[what] = tensor
    with torch.no_grad():
        for name, one in trained.items():
            one.copy_(weights[name])
    if optimizer is not None:
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _tensors(file: Path) -> dict[str, Tensor]:
    """What is in a file of a state. CheckpointError, with its name, if it is not there or is damaged."""
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{file} is missing or damaged: {sentence(error)} Resume from the state before it"
        ) from error


def write_batch(folder: Path, batch: Sequence[Datum]) -> Batch:
    """Rows in one .npz file: `N.prompt`, `N.response`, `N.image.M` and `N.NAME` for each input."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    for number, one in enumerate(batch):
        arrays |= {f"{number}.prompt": one.prompt, f"{number}.response": one.response}
        arrays |= {f"{number}.image.{at}": image for at, image in enumerate(one.images)}
        arrays |= {f"{number}.{name}": values for name, values in one.inputs.items()}
    path = next(path for n in itertools.count() if not (path := folder / f"failed-batch-{n}.npz").exists())
    np.savez_compressed(path, **arrays)
    return Batch(path, len(batch))
