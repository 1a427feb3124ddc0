"""The table [placement] of a training config: which GPUs serve the model, and which train it.

    [placement]
    serve = [0, 1]        # vLLM's, by the numbers of nvidia-smi
    train = [2, 3]        # one process of the trainer on each
    tensor_parallel = 2   # GPUs that share one copy of the served model; default: all that serve

What it comes to is a variable for the trainer's processes and options for the operator that is trained. It was written
without GPUs at hand: tests show what is refused and what is passed on, and no run on several GPUs was made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import InputError, nearest

KEYS = ("serve", "train", "tensor_parallel")
VISIBLE = "CUDA_VISIBLE_DEVICES"
DEVICES = Path("/dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a training runs. Without GPUs all of it is on the CPU, or where torch and vLLM put it."""

    serve: tuple[int, ...] = ()
    train: tuple[int, ...] = ()
    tensor_parallel: int = 1

    @property
    def processes(self) -> int:
        """Of the trainer."""
        return max(1, len(self.train))

    def trainer_environment(self) -> dict[str, str]:
        """Variables for the trainer's processes, to be set before torch is imported."""
        return {VISIBLE: ",".join(map(str, self.train))} if self.train else {}

    def operator_options(self) -> dict[str, Any]:
        """Options for the operator that vLLM serves."""
        if not self.serve:
            return {}
        return {
            "backend": "vllm",
            "device": "cuda",
            "gpus": "+".join(map(str, self.serve)),
            "tensor_parallel": self.tensor_parallel,
        }


def placement(table: Mapping[str, object], available: tuple[int, ...] | None = None) -> Placement:
    """Reads the table. InputError for what cannot be, before anything starts.

    `available`: the numbers of the GPUs that may be used; None: those that this machine shows.
    """
    for key in table:
        if key not in KEYS:
            raise InputError(f"[placement] has no {key!r}. {nearest(key, KEYS)}")
    serve, train = (_numbers(name, table.get(name, [])) for name in ("serve", "train"))
    if both := sorted({*serve} & {*train}):
        raise InputError(
            f"[placement]: GPU {both[0]} both serves and trains. A server that sleeps while the trainer computes is "
            "not built: name different GPUs, or leave `serve` out and let the trainer's own process play "
            "(@backend=transformers)"
        )
    there = visible() if available is None else available
    if missing := [one for one in (*serve, *train) if one not in there]:
        has = f"there are {', '.join(map(str, there))}" if there else "no GPU can be seen here"
        raise InputError(f"[placement]: there is no GPU {missing[0]}: {has} (nvidia-smi, {VISIBLE})")
    parallel = table.get("tensor_parallel", max(1, len(serve)))
    if not isinstance(parallel, int) or isinstance(parallel, bool) or parallel < 1:
        raise InputError(f"[placement] tensor_parallel = {parallel!r}: expected a number of GPUs, from 1")
    if parallel > max(1, len(serve)):
        raise InputError(
            f"[placement] tensor_parallel = {parallel}: more than the {len(serve)} GPUs that serve. Name more of them "
            "in `serve`, or a smaller number"
        )
    if serve and len(serve) % parallel:
        raise InputError(
            f"[placement] tensor_parallel = {parallel}: the {len(serve)} GPUs that serve cannot be divided into groups "
            f"of {parallel}"
        )
    return Placement(serve=serve, train=train, tensor_parallel=parallel)


def visible() -> tuple[int, ...]:
    """The numbers of NVIDIA's GPUs that this process may use; nothing is started or imported for it."""
    found = sorted(int(one.name[6:]) for one in DEVICES.glob("nvidia*") if re.fullmatch(r"nvidia\d+", one.name))
    told = os.environ.get(VISIBLE)
    if told is None:
        return tuple(found)
    return tuple(one for one in found if str(one) in [word.strip() for word in told.split(",")])


def _numbers(name: str, given: object) -> tuple[int, ...]:
    right = isinstance(given, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in given)
    if not isinstance(given, list) or not right or any(one < 0 for one in given):
        raise InputError(f"[placement] {name} = {given!r}: expected a list of GPUs' numbers, e.g. [0, 1]")
    if twice := sorted({one for one in given if given.count(one) > 1}):
        raise InputError(f"[placement] {name} = {given}: GPU {twice[0]} is named twice")
    return tuple(given)
