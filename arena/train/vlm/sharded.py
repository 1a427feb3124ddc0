"""The engine in several processes, each of which holds a part of the layers that read and write: torch's FSDP2.

The weights of these layers, their gradients and the optimiser's moments are divided among the processes; a layer's are
gathered before it is computed, and dropped afterwards. Embeddings, head and the tower that sees stay whole in each.
What is written is whole, by the first process, and is what one process writes: every local engine reads it.

Each process loads the whole model before it is divided, and reads whole states, in its host's memory. All must run
equally many passes, since every pass gathers: who has fewer repeats one, which counts for nothing. So what fails in one
process alone, as memory does, ends it, and `torchrun` ends the others: they could not go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from arena.errors import ArenaError
from arena.train.vlm import adapters, saved
from arena.train.vlm.engine import weights_folder
from arena.train.vlm.learnable import new_optimizer
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.passes import Pass
from arena.train.vlm.processes import ProcessEngine

T = TypeVar("T")


class ShardedEngine(ProcessEngine):
    """See the top of this file. `_trained` holds this process's parts, which share their memory with `_parts`."""

    def __init__(self, source: str, folder: Path, config: LocalConfig | None = None) -> None:
        self._parts: dict[str, DTensor] = {}  # the weights that are trained and divided, by name
        super().__init__(source, folder, config)

    # what is written and read

    def sampler_weights(self, version: str) -> Path:
        about = {"version": version, "mode": self.config.mode, "source": self.source}
        state = self.model.state_dict()
        if self.config.mode == "lora":
            state = {name: one for name, one in state.items() if ".lora_" in name}
        weights = {name: self._whole(one) for name, one in state.items()}
        path = weights_folder(self.folder, version)
        self._first(lambda: adapters.write_sampler(path, self.model, about, self.learner, self._own, weights))
        return path

    def save_state(self, path: Path) -> None:
        weights = {name: self._whole(self._parts.get(name, one)) for name, one in self._trained.items()}
        names = self._in_order()
        moments = {
            index: {what: self._whole(self._of(names[index], value)) for what, value in entry.items()}
            for index, entry in self.optimizer.state_dict()["state"].items()
        }

        def write() -> None:
            optimizer = new_optimizer(weights)
            optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
            saved.write_state(path, weights, optimizer, self._facts())

        self._first(write)

    def load_state(self, path: Path, *, weights_only: bool = False) -> None:
        weights = {
            name: torch.empty(self._parts.get(name, one).shape, dtype=one.dtype) for name, one in self._trained.items()
        }
        optimizer = None if weights_only else new_optimizer(weights)
        saved.read_state(path, weights, optimizer, self._facts())
        with torch.no_grad():
            for name, one in self._trained.items():
                one.copy_(self._here(name, weights[name]))
        if optimizer is not None:
            names = self._in_order()
            state = {
                index: {what: self._here(names[index], value) for what, value in entry.items()}
                for index, entry in optimizer.state_dict()["state"].items()
            }
            self.optimizer.load_state_dict(
                {"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]}
            )
        self._drop()

    def export(self, out: Path, dtype: str = "bfloat16") -> NoReturn:
        raise ArenaError("a model that is divided among processes is exported from its state: arena export model")

    def export_adapter(self, out: Path, rank: int | None = None, *, language: bool = False) -> NoReturn:
        raise ArenaError("a model that is divided among processes is exported from its state: arena export adapter")

    # how

    def _spread(self, model: Any) -> None:
        count = self.processes.num_processes
        mesh = init_device_mesh(torch.device(self.config.device).type, (count,))
        pattern = self.learner.language()
        inside = [name for name, _ in model.named_modules() if re.fullmatch(pattern, name)]
        paths = {found[1] for name in inside if (found := re.match(r"(.*?\blayers\.\d+)\.", name))}
        for path in sorted(paths):
            layer: Any = fully_shard(model.get_submodule(path), mesh=mesh, reshard_after_forward=True)
            layer.set_gradient_divide_factor(1.0)  # the loss is a sum over all processes, so gradients are, too
            layer.set_force_sum_reduction_for_comms(True)  # by sums alone: gloo has no other

    def _weights_here(self) -> dict[str, Tensor]:
        out = super()._weights_here()
        self._parts = {name: one for name, one in out.items() if isinstance(one, DTensor)}
        return out | {name: one.to_local().detach().requires_grad_() for name, one in self._parts.items()}

    def _mine(self, every: list[Pass]) -> list[tuple[Pass, bool]]:
        mine, count = super()._mine(every), self.processes.num_processes
        missing = -(-len(every) // count) - len(mine)
        return mine + [(every[-1], False)] * missing

    def _no_number(self, total: Tensor) -> str:
        sum_of_all = total.detach().clone()
        dist.all_reduce(sum_of_all)
        return super()._no_number(sum_of_all)

    def _broken(self, what: str) -> NoReturn:
        self._first(lambda: LocalEngine._broken(self, what))
        raise AssertionError("the first process raises")

    def _together(self, call: Callable[[], T]) -> list[T]:
        from accelerate.utils import gather_object

        every: list[T] = gather_object([call()])
        return every

    def _reduce(self) -> None:
        for name, part in self._parts.items():
            self._trained[name].grad = None if part.grad is None else part.grad.to_local()  # type: ignore[attr-defined]
        super()._reduce()

    def _summed(self) -> list[Any]:
        return [one for name, one in self._trained.items() if name not in self._parts]

    def _clip(self, most: float) -> Tensor:
        grads = [[one.grad for one in self._summed()], [self._trained[name].grad for name in self._parts]]
        whole, parts = (
            torch.nn.utils.get_total_norm([one for one in some if one is not None]).to(self.config.device).square()
            for some in grads
        )
        dist.all_reduce(parts)
        norm = (whole + parts).sqrt()
        torch.nn.utils.clip_grads_with_norm_(self._trained.values(), most, norm)
        return norm

    def _drop(self) -> None:
        super()._drop()
        for part in self._parts.values():
            part.grad = None

    def _in_order(self) -> list[str]:
        """The names of the optimiser's parameters."""
        names = {id(one): name for name, one in self._trained.items()}
        return [names[id(one)] for group in self.optimizer.param_groups for one in group["params"]]

    def _of(self, name: str, value: Tensor) -> Tensor:
        """A moment of a weight, divided as the weight is."""
        part = self._parts.get(name)
        if part is None or not value.ndim:
            return value
        shape, stride = part.shape, part.stride()
        return DTensor.from_local(value, part.device_mesh, part.placements, shape=shape, stride=stride)

    def _here(self, name: str, value: Tensor) -> Tensor:
        """This process's part of a weight, or of a moment of it."""
        part = self._parts.get(name)
        value = value.to(self.config.device)
        if part is None or not value.ndim:
            return value
        return distribute_tensor(value, part.device_mesh, part.placements, src_data_rank=None).to_local()

    def _whole(self, one: Tensor) -> Tensor:
        """All of a tensor, in the host's memory of the first process; others get nothing."""
        found = one.full_tensor() if isinstance(one, DTensor) else one
        return found.detach().cpu() if self.processes.is_main_process else torch.empty(0)
