"""Several processes of one engine under one trainer: it leads, and the others make the calls that it makes.

The trainer's own process is the first. It starts the others, tells each call to all of them, and makes it as well; so
matches are played and files are written once, and the trainer calls this engine as any other. What a process prints is
in OUT/trainers/1.log, ...
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import torch
import torch.distributed as dist

from arena.errors import ArenaError, WorkerError
from arena.train.vlm.engine import NO_CONFIG, Config, Datum, OptimParams, Output
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.processes import ProcessEngine
from arena.train.vlm.sharded import ShardedEngine

LONG = timedelta(days=30)  # that the others wait for a call: matches are played meanwhile
CLOSE = "close"
GRACE = 20.0  # seconds in which they end


class _Start(msgspec.Struct, kw_only=True):
    """What a process is told when it is started."""

    source: str
    folder: str
    config: dict[str, Any]
    divided: bool
    threads: int


class Leader(ProcessEngine):
    """The first process: tells each call to the others before it makes it."""

    calls: Any  # the group by which calls are told
    others: list[subprocess.Popen[bytes]]
    logs: Path  # of the others

    def forward_backward(
        self, batch: Sequence[Datum], loss: str | None, config: Config = NO_CONFIG, *, reference: bool = False
    ) -> Output:
        with self._leading("forward_backward", list(batch), loss, dict(config), reference=reference):
            return super().forward_backward(batch, loss, config, reference=reference)

    def optim_step(self, how: OptimParams) -> dict[str, float]:
        with self._leading("optim_step", how):
            return super().optim_step(how)

    def sampler_weights(self, version: str) -> Path:
        with self._leading("sampler_weights", version):
            return super().sampler_weights(version)

    def save_state(self, path: Path) -> None:
        with self._leading("save_state", path):
            super().save_state(path)

    def load_state(self, path: Path, *, weights_only: bool = False) -> None:
        with self._leading("load_state", path, weights_only=weights_only):
            super().load_state(path, weights_only=weights_only)

    def close(self) -> None:
        """End the others."""
        with contextlib.suppress(RuntimeError):  # one that is gone hears nothing
            _tell(self.calls, CLOSE)
        for other in self.others:
            with contextlib.suppress(subprocess.TimeoutExpired):
                other.wait(GRACE)
            other.kill()
        for name in _variables(0, 0, 0):
            os.environ.pop(name, None)
        super().close()

    @contextlib.contextmanager
    def _leading(self, *call: Any, **named: Any) -> Iterator[None]:
        try:
            _tell(self.calls, *call, **named)
            yield
        except RuntimeError as error:
            gone = [number for number, other in enumerate(self.others, 1) if other.poll() is not None]
            if not gone:
                raise
            raise WorkerError(
                f"process {gone[0]} of the trainer ended: its last words are in {self.logs / f'{gone[0]}.log'}. Go on "
                "with --resume exact"
            ) from error


class DividedLeader(Leader, ShardedEngine):
    """The same of an engine whose model is divided among the processes."""


def start(
    source: str, folder: Path, config: LocalConfig, *, processes: int, divided: bool, threads: int
) -> LocalEngine:
    """The engine of `processes` processes, of which this one is the first. InputError as LocalEngine."""
    logs = folder.parent / "trainers"
    logs.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    told = _Start(source=source, folder=str(folder), config=asdict(config), divided=divided, threads=threads)
    command = [sys.executable, "-m", "arena.train.vlm.led", msgspec.json.encode(told).decode()]
    with contextlib.ExitStack() as started:
        others = []
        for number in range(1, processes):
            with (logs / f"{number}.log").open("wb") as log:
                there = os.environ | _variables(number, processes, port)
                other = subprocess.Popen(command, env=there, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            started.callback(other.kill)
            others.append(other)
        os.environ.update(_variables(0, processes, port))
        made = (DividedLeader if divided else Leader)(source, folder, config)
        made.calls = dist.new_group(backend="gloo", timeout=LONG)
        made.others, made.logs = others, logs
        started.pop_all()
    return made


def follow(told: _Start) -> None:
    """One of the others: makes the calls that the first one makes, until it ends."""
    torch.set_num_threads(told.threads)
    kind = ShardedEngine if told.divided else ProcessEngine
    made = kind(told.source, Path(told.folder), LocalConfig(**told.config))
    calls = dist.new_group(backend="gloo", timeout=LONG)
    while True:
        heard: list[Any] = [None]
        dist.broadcast_object_list(heard, src=0, group=calls)
        (name, *given), named = heard[0]
        if name == CLOSE:
            made.close()
            return
        with contextlib.suppress(ArenaError):  # the first process raises it, too
            getattr(made, name)(*given, **named)


def _tell(group: Any, *call: Any, **named: Any) -> None:
    dist.broadcast_object_list([(call, named)], src=0, group=group)


def _variables(number: int, processes: int, port: int) -> dict[str, str]:
    """By which torch.distributed finds the others."""
    return {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    follow(msgspec.json.decode(sys.argv[1], type=_Start))
