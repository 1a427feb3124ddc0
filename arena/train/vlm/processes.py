"""The engine in several processes that hold the same weights: each computes a part of every batch (data parallel).

Every process makes the same calls with the same batch. A call's passes are divided among them, the outputs are put
together, and before a step the gradients are added. The loss is a sum whose weights are those of the whole batch, so
the number of processes changes no result, but for the order of sums. Start them by `torchrun` or `accelerate launch`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from arena.errors import ArenaError
from arena.train.vlm.engine import NO_CONFIG, Config, Datum, OptimParams, Output, weights_folder
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.passes import Pass

T = TypeVar("T")


class ProcessEngine(LocalEngine):
    """One of the processes. What fails in one of them is raised in all."""

    def __init__(self, source: str, folder: Path, config: LocalConfig | None = None) -> None:
        from accelerate import PartialState

        config = config or LocalConfig()
        self.processes = PartialState(cpu=config.device == "cpu")
        super().__init__(source, folder, config)

    def forward_backward(
        self, batch: Sequence[Datum], loss: str | None, config: Config = NO_CONFIG, *, reference: bool = False
    ) -> Output:
        call = super().forward_backward
        every = self._together(lambda: call(batch, loss, config, reference=reference))
        out = every[0]
        for other in every[1:]:
            for at in range(len(batch)):
                if len(other.logprobs[at]):
                    out.logprobs[at] = other.logprobs[at]
                    if out.states:
                        out.states[at] = other.states[at]
            for name, value in other.metrics.items():
                out.metrics[name] = out.metrics.get(name, 0.0) + value
        return out

    def optim_step(self, how: OptimParams) -> dict[str, float]:
        with self._step():
            self._reduce()
        call = super().optim_step
        return self._together(lambda: call(how))[0]

    def sampler_weights(self, version: str) -> Path:
        call = super().sampler_weights
        return self._first(lambda: call(version)) or weights_folder(self.folder, version)

    def save_state(self, path: Path) -> None:
        call = super().save_state
        self._first(lambda: call(path))

    def close(self) -> None:
        """Leave the other processes: one that ended in their group would now and then be aborted by its threads."""
        if dist.is_initialized():
            dist.destroy_process_group()
        super().close()

    def _mine(self, every: list[Pass]) -> list[tuple[Pass, bool]]:
        return [(one, True) for one in every[self.processes.process_index :: self.processes.num_processes]]

    def _together(self, call: Callable[[], T]) -> list[T]:
        """As `_all`, of what computes."""
        return self._all(call)

    def _all(self, call: Callable[[], T]) -> list[T]:
        """What each process returns; what one of them raises."""
        from accelerate.utils import gather_object

        made, failed = None, None
        try:
            made = call()
        except (ArenaError, OSError) as error:
            failed = str(error)
        every: list[tuple[T, str | None]] = gather_object([(made, failed)])
        for number, (_, said) in enumerate(every):
            if said is not None:
                self._drop()
                raise ArenaError(f"process {number}: {said}")
        return [one for one, _ in every]

    def _first(self, call: Callable[[], T]) -> T | None:
        """The first process does it, and the others wait."""
        return self._all(lambda: call() if self.processes.is_main_process else None)[0]

    def _reduce(self) -> None:
        """Add the gradients of all processes, as one tensor."""
        from accelerate.utils import reduce

        ones = self._summed()
        if not ones:
            return
        has = torch.tensor([one.grad is not None for one in ones], dtype=torch.int32, device=ones[0].device)
        flat = torch.cat([(torch.zeros_like(one) if one.grad is None else one.grad).flatten() for one in ones])
        has, flat = reduce(has, "sum"), reduce(flat, "sum")
        for one, any_has, part in zip(ones, has.tolist(), flat.split([one.numel() for one in ones]), strict=True):
            one.grad = part.view_as(one).clone() if any_has else None

    def _summed(self) -> list[Any]:
        """The weights whose gradients are added."""
        return list(self._trained.values())
