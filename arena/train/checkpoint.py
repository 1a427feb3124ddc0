"""The full state of training between two updates, as one safetensors file: nothing in it can run code.

Weights, optimiser, the pool's snapshots, and facts (how far training is, its settings, the matches under way). There
is no generator in it: all chance of an update follows from the seed and the update's number.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from arena.errors import CheckpointError, sentence
from arena.train.nets import net_of, tensors_of
from arena.train.network import ActorCritic
from arena.train.pool import Pool

T = TypeVar("T")


class State(NamedTuple):
    """Everything needed to resume training, copied between two updates."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]  # "update", "steps", "config", "pool" and further ones

    @property
    def update(self) -> int:
        return int(self.facts["update"])


def latest(folder: Path) -> Path | None:
    """The newest checkpoint of a training folder."""
    return max(folder.glob("checkpoint-*.safetensors"), default=None)


def take(network: ActorCritic, optimizer: torch.optim.Optimizer, pool: Pool | None, facts: Mapping[str, Any]) -> State:
    """Copies the current state. `facts` is JSON that `read_facts` returns; it has "update", "steps" and "config"."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    taken = [] if pool is None else pool.snapshots
    for number, (_, net) in enumerate(taken):
        tensors |= {f"pool.{number}.{name}": torch.from_numpy(value) for name, value in tensors_of(net).items()}
    copied = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    return State(copied, {**facts, "pool": [when for when, _ in taken]})


def write(folder: Path, state: State, keep: int) -> Path:
    """Write checkpoint-UPDATE.safetensors whole or not at all (OSError), then delete all but the newest `keep`."""
    path = folder / f"checkpoint-{state.update:08d}.safetensors"
    partial = path.with_suffix(".partial")
    try:
        save_file(state.tensors, partial, {"arena": msgspec.json.encode(state.facts).decode()})
    except SafetensorError as error:
        partial.unlink(missing_ok=True)
        raise OSError(f"{path} cannot be written: {error}") from error
    os.replace(partial, path)
    for old in sorted(folder.glob("checkpoint-*.safetensors"))[:-keep]:
        old.unlink()
    return path


def read_facts(path: Path) -> dict[str, Any]:
    """The facts of a checkpoint: update, steps, config, .... Raises CheckpointError if it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = msgspec.json.decode((file.metadata() or {})["arena"])
    except (SafetensorError, KeyError, msgspec.DecodeError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a training checkpoint, or is damaged: {sentence(error)} "
            "Delete it to go on from the one before it."
        ) from error
    assert isinstance(facts, dict)
    return facts


def restore(
    path: Path, network: ActorCritic, optimizer: torch.optim.Optimizer, pool: Pool | None = None
) -> dict[str, Any]:
    """Puts a checkpoint's state into a new network, its optimiser and its pool; returns the checkpoint's facts."""
    facts = read_facts(path)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    put_back(tensors, network, path)
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(tensors, "optimizer.").items():
        index, _, part = name.partition(".")
        state.setdefault(int(index), {})[part] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    if pool is not None:
        arrays = {name: value.numpy() for name, value in _under(tensors, "pool.").items()}
        pool.snapshots = [
            (when, net_of(_under(arrays, f"{i}."), network.shape)) for i, when in enumerate(facts["pool"])
        ]
    return facts


def put_back(tensors: Mapping[str, Tensor], network: ActorCritic, path: Path | str = "the state") -> None:
    """Gives `network` the weights of a State. Raises CheckpointError if they do not fit."""
    try:
        network.load_state_dict(_under(tensors, "network."))
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit this network: {error}") from error


def _under(tensors: Mapping[str, T], prefix: str) -> dict[str, T]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
