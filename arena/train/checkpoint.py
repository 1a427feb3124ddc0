"""The full state of PPO training between two updates, as one safetensors file: nothing in it can run code.

Weights, optimiser, both generators that Stable-Baselines3 draws from (NumPy's and torch's global ones), the pool's
snapshots, how far training is, and what else a trainer adds (on lanes: what each of them has played).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from arena.errors import CheckpointError, sentence
from arena.train.policy import Mlp
from arena.train.pool import Pool


def latest(folder: Path) -> Path | None:
    """The newest checkpoint of a training folder."""
    return max(folder.glob("checkpoint-*.safetensors"), default=None)


def extract(model: Any) -> Mlp:
    """The actor of a MaskablePPO with an MlpPolicy of ReLU layers: a copy."""
    linear = [part for part in model.policy.mlp_extractor.policy_net if isinstance(part, torch.nn.Linear)]
    layers = [*linear, model.policy.action_net]
    return Mlp([(_numpy(part.weight), _numpy(part.bias)) for part in layers])


class State(NamedTuple):
    """All that training goes on from, copied between two updates."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    @property
    def update(self) -> int:
        return int(self.facts["update"])

    def put_back(self, model: Any) -> None:
        """Give `model` the weights that it had then."""
        model.policy.load_state_dict(_under(self.tensors, "policy."))
        model.num_timesteps = self.facts["steps"]


def take(model: Any, pool: Pool | None, update: int, config: dict[str, Any], **more: Any) -> State:
    """The state now, between two updates. `more` is JSON that `read_facts` gives back."""
    tensors: dict[str, Tensor] = {f"policy.{name}": value for name, value in model.policy.state_dict().items()}
    for index, state in model.policy.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    tensors["generator.torch"] = torch.get_rng_state()
    name, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - what SB3 shuffles with
    tensors["generator.numpy"] = torch.from_numpy(np.asarray(keys).astype(np.int64))
    taken = [] if pool is None else pool.snapshots
    for number, (_, mlp) in enumerate(taken):
        for layer, (weight, bias) in enumerate(mlp.layers):
            tensors[f"pool.{number}.{layer}.weight"] = torch.from_numpy(weight)
            tensors[f"pool.{number}.{layer}.bias"] = torch.from_numpy(bias)
    facts = {
        "update": update,
        "steps": model.num_timesteps,
        "gradient_updates": model._n_updates,
        "numpy": [name, position, has_gauss, gauss],
        "pool": [when for when, _ in taken],
        "config": config,
        **more,
    }
    return State({name: value.detach().clone().contiguous() for name, value in tensors.items()}, facts)


def write(folder: Path, state: State, keep: int) -> Path:
    """Write checkpoint-UPDATE.safetensors whole or not at all, then delete all but the newest `keep`."""
    path = folder / f"checkpoint-{state.update:08d}.safetensors"
    partial = path.with_suffix(".partial")
    save_file(state.tensors, partial, {"arena": msgspec.json.encode(state.facts).decode()})
    os.replace(partial, path)
    for old in sorted(folder.glob("checkpoint-*.safetensors"))[:-keep]:
        old.unlink()
    return path


def read_facts(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself: update, steps, config, ...; CheckpointError when it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = msgspec.json.decode((file.metadata() or {})["arena"])
    except (SafetensorError, KeyError, msgspec.DecodeError, OSError) as error:
        raise CheckpointError(
            f"{path} is no training checkpoint, or is damaged: {sentence(error)} "
            "Delete it to go on from the one before it."
        ) from error
    assert isinstance(facts, dict)
    return facts


def snapshots(path: Path) -> list[Mlp]:
    """The pool's snapshots in a checkpoint, oldest first."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if name.startswith("pool.")}  # noqa: SIM118
    return [_snapshot(tensors, f"pool.{number}.") for number in range(len(read_facts(path)["pool"]))]


def restore(path: Path, model: Any, pool: Pool | None) -> int:
    """Put a checkpoint's state into a freshly built model and pool; the update at which it was taken."""
    facts = read_facts(path)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    try:
        model.policy.load_state_dict(_under(tensors, "policy."))
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit this network: {error}") from error
    optimizer = model.policy.optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(tensors, "optimizer.").items():
        index, _, part = name.partition(".")
        state.setdefault(int(index), {})[part] = value
    model.policy.optimizer.load_state_dict({**optimizer, "state": state})
    torch.set_rng_state(tensors["generator.torch"])
    name, position, has_gauss, gauss = facts["numpy"]
    keys = tensors["generator.numpy"].numpy().astype(np.uint32)
    np.random.set_state((name, keys, position, has_gauss, gauss))  # noqa: NPY002 - what SB3 shuffles with
    if pool is not None:
        pool.snapshots = [(taken, _snapshot(tensors, f"pool.{i}.")) for i, taken in enumerate(facts["pool"])]
    model.num_timesteps = facts["steps"]
    model._n_updates = facts["gradient_updates"]
    return int(facts["update"])


def _snapshot(tensors: dict[str, Tensor], prefix: str) -> Mlp:
    parts = _under(tensors, prefix)
    return Mlp([(parts[f"{i}.weight"].numpy(), parts[f"{i}.bias"].numpy()) for i in range(len(parts) // 2)])


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _numpy(tensor: Tensor) -> Any:
    return tensor.detach().cpu().numpy().copy()
