"""A checkpoint of the recipe: weights and optimiser in safetensors, the rest in JSON; written beside, then renamed."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file


def save(
    folder: Path,
    model: torch.nn.Module,
    adam: torch.optim.Optimizer,
    recipe: Mapping[str, Any],
    step: int,
    minutes: float,
) -> None:
    """`folder` becomes the checkpoint after `step` steps."""
    fresh = folder.with_name(folder.name + ".new")
    _drop(fresh)
    fresh.mkdir(parents=True)
    weights = {name: tensor.detach().contiguous() for name, tensor in model.named_parameters()}
    save_file(weights, fresh / "weights.safetensors")
    moments = {
        f"{index}.{name}": value.contiguous()
        for index, entry in adam.state_dict()["state"].items()
        for name, value in entry.items()
    }
    save_file(moments, fresh / "optimiser.safetensors")
    about = {"step": step, "minutes": minutes, "recipe": recipe}
    (fresh / "state.json").write_text(json.dumps(about, indent=1, sort_keys=True))
    old = folder.with_name(folder.name + ".old")
    _drop(old)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    _drop(old)


def _drop(folder: Path) -> None:
    """Remove a checkpoint by the names of its files, never a tree."""
    for name in ("weights.safetensors", "optimiser.safetensors", "state.json"):
        (folder / name).unlink(missing_ok=True)
    if folder.exists():
        folder.rmdir()


def restore(
    folder: Path, model: torch.nn.Module, adam: torch.optim.Optimizer, recipe: Mapping[str, Any]
) -> tuple[int, float]:
    """(steps done, minutes spent) of the checkpoint, whose tensors are loaded; (0, 0) when there is none.

    ValueError when it was made by another recipe.
    """
    if not (folder / "state.json").exists():
        return 0, 0.0
    about = json.loads((folder / "state.json").read_text())
    if about["recipe"] != json.loads(json.dumps(recipe)):
        changed = sorted(name for name in recipe if about["recipe"].get(name) != json.loads(json.dumps(recipe[name])))
        raise ValueError(f"{folder} was made by another recipe ({', '.join(changed)} differ): give another --out")
    weights = load_file(folder / "weights.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in load_file(folder / "optimiser.safetensors").items():
        index, _, what = name.partition(".")
        moments.setdefault(int(index), {})[what] = tensor
    adam.load_state_dict({"state": moments, "param_groups": adam.state_dict()["param_groups"]})
    return about["step"], about["minutes"]


def cut_curve(curve: Path, step: int) -> None:
    """Drops rows of the curve past `step`: they are measured again."""
    if not curve.exists():
        return
    with curve.open(newline="") as stream:
        reader = csv.DictReader(stream)
        names, rows = list(reader.fieldnames or []), [row for row in reader if int(row["step"]) <= step]
    if not rows:
        curve.unlink()
        return
    with curve.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=names)
        writer.writeheader()
        writer.writerows(rows)
