"""The table [placement] of a training: which GPUs serve the model, which train it, and in how many processes.

    [placement]
    serve = [0, 1]        # vLLM's, by the numbers of nvidia-smi
    train = [2, 3]        # one process of the trainer on each
    tensor_parallel = 2   # GPUs that share one copy of the served model; by itself all that serve

What it comes to is a variable for the trainer's processes and options for the operator that is trained. It was written
without GPUs at hand: tests show what is refused and what is passed on, and no run on several GPUs was made.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from arena import names
from arena.errors import InputError

VISIBLE = "CUDA_VISIBLE_DEVICES"
DEVICES = Path("/dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a training runs. Without GPUs all of it is on the CPU, or where torch and vLLM put it."""

    serve: tuple[int, ...] = ()
    train: tuple[int, ...] = ()
    tensor_parallel: int | None = None  # GPUs that share one copy of the served model; by itself all that serve
    processes: int | None = None  # of the trainer; by itself one for each GPU that trains
    divided: bool = False  # the model is divided among these processes (FSDP); else each holds all of it

    def check(self, available: tuple[int, ...] | None = None) -> None:
        """InputError for what cannot be, before anything starts.

        `available`: the numbers of the GPUs that may be used; None: those that this machine shows.
        """
        for name, given in (("serve", self.serve), ("train", self.train)):
            if twice := sorted({one for one in given if given.count(one) > 1}):
                raise InputError(f"placement.{name}={list(given)}: GPU {twice[0]} is named twice")
        if both := sorted({*self.serve} & {*self.train}):
            raise InputError(
                f"placement: GPU {both[0]} both serves and trains. A server that sleeps while the trainer computes is "
                "not built: name different GPUs, or leave `serve` out and let the trainer's own process play "
                "(@backend=transformers)"
            )
        there = visible() if available is None else available
        if missing := [one for one in (*self.serve, *self.train) if one not in there]:
            has = f"there are {', '.join(map(str, there))}" if there else "no GPU can be seen here"
            raise InputError(f"placement: there is no GPU {missing[0]}: {has} (nvidia-smi, {VISIBLE})")
        self._check_parallel()
        if self.processes is not None and self.processes < 1:
            raise InputError(f"placement.processes={self.processes}: expected at least 1")
        if self.train and self.trainers != len(self.train):
            raise InputError(
                f"placement.processes={self.processes}: {len(self.train)} GPUs train, one process each: leave it out"
            )
        if self.divided and self.trainers < 2:
            raise InputError("placement.divided=true: there is one process: name more GPUs in placement.train")

    def _check_parallel(self) -> None:
        parallel, serving = self.parallel, len(self.serve)
        if parallel < 1:
            raise InputError(f"placement.tensor_parallel={parallel}: expected a number of GPUs, from 1")
        if parallel > max(1, serving):
            raise InputError(
                f"placement.tensor_parallel={parallel}: more than the {serving} GPUs that serve. Name more of them in "
                "placement.serve, or a smaller number"
            )
        if serving % parallel:
            raise InputError(
                f"placement.tensor_parallel={parallel}: the {serving} GPUs that serve cannot be divided into groups of "
                f"{parallel}"
            )

    @property
    def parallel(self) -> int:
        """GPUs that share one copy of the served model."""
        return max(1, len(self.serve)) if self.tensor_parallel is None else self.tensor_parallel

    @property
    def trainers(self) -> int:
        """Processes of the trainer."""
        return self.processes or max(1, len(self.train))

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """This process, and those that it starts, see the GPUs that train alone. Before torch looks for GPUs."""
        before = os.environ.get(VISIBLE)
        os.environ.update(self.environment())
        try:
            yield
        finally:
            os.environ.pop(VISIBLE, None)
            if before is not None:
                os.environ[VISIBLE] = before

    def environment(self) -> Mapping[str, str]:
        """Variables for the trainer's processes, to be set before torch looks for GPUs."""
        return {VISIBLE: ",".join(map(str, self.train))} if self.train else {}

    def served(self, operator: str) -> str:
        """The name of an operator with the options by which vLLM serves it there. InputError where it says others."""
        if not self.serve:
            return operator
        options = {
            "backend": "vllm",
            "device": "cuda",
            "gpus": "+".join(map(str, self.serve)),
            "tensor_parallel": str(self.parallel),
        }
        name = names.parse(operator)
        for option, value in options.items():
            if (given := name.options.get(option, value)) != value:
                raise InputError(
                    f"placement.serve={list(self.serve)} serves operator {operator!r} with @{option}={value}, and it "
                    f"says @{option}={given}: leave one of the two out"
                )
        return str(replace(name, options=name.options | options))


def visible() -> tuple[int, ...]:
    """The numbers of NVIDIA's GPUs that this process may use; nothing is started or imported for it."""
    found = sorted(int(one.name[6:]) for one in DEVICES.glob("nvidia*") if re.fullmatch(r"nvidia\d+", one.name))
    told = os.environ.get(VISIBLE)
    if told is None:
        return tuple(found)
    return tuple(one for one in found if str(one) in [word.strip() for word in told.split(",")])
