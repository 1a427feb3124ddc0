"""Shared by all training runs: the folder, the curve, and torch's threads."""

from __future__ import annotations

import csv
import gc
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

import arena
from arena import names
from arena.errors import CheckpointError, InputError
from arena.game import Game
from arena.record.disk import Disk
from arena.record.training import HEAD, TrainHead
from arena.train import products
from arena.train.checkpoint import latest, read_facts

# Settings that may differ in a resumed run: they do not affect the weights.
FREE = {"out", "steps", "resume", "progress", "trained_by", "keep", "checkpoint_every", "hosts"}


def find_checkpoint(config: Any, out: Path) -> Path | None:
    """The checkpoint to resume from, if any. Raises InputError if the folder and `config.resume` do not agree."""
    if (out / "run.json").exists() and not (out / HEAD).exists():
        raise InputError(f"{out} holds a run without a training; choose another --out")
    found = latest(out)
    if found and not config.resume:
        raise InputError(f"{out} already holds a training run ({found.name}); add --resume, or choose another --out")
    if config.resume and not found and (out / "policy.safetensors").exists():
        raise CheckpointError(
            f"{out} has no checkpoint any more, so it is not trained further: ppo:{out} seats it. To train anew, "
            "choose another --out"
        )
    if found:
        was, now = read_facts(found)["config"], settings(config)
        changed = [name for name in now if was.get(name) != now[name]]
        if changed:
            name = changed[0]
            raise InputError(f"{out} was trained with {name}={was.get(name)}, not {now[name]}: resume with the same")
    return found


def write_head(config: Any, game: Game) -> None:
    """Writes train.json atomically."""
    head = TrainHead(
        game=str(replace(names.parse(config.game), options={k: str(v) for k, v in config.game_options.items()})),
        game_version=game.spec.version,
        steps=config.steps,
        seed=config.seed,
        trained_by=config.trained_by,
        folder=str(Path.cwd()),
        config=settings(config),
        versions={
            "arena": arena.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": str(torch.__version__),
        },
    )
    Disk().replace_json(Path(config.out) / HEAD, head)


def settings(config: Any) -> dict[str, Any]:
    """The settings that a resumed run must share, as JSON returns them."""
    kept = {name: value for name, value in asdict(config).items() if name not in FREE}
    if "dtype" in kept:
        kept["dtype"] = products.settled(kept["dtype"])
    out: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(kept))
    return out


def write_curve(path: Path, row: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Append a row to the curve."""
    new = not path.exists() or not path.stat().st_size  # a full disk may leave an empty one
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow({name: row.get(name, "") for name in columns})


def cut_curve(path: Path, update: int) -> None:
    """Drops the rows after `update`, which a resumed run writes again, and what is no whole row."""
    if path.exists():
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        rows = [(line.split(",")[0], line) for line in lines[1:]]
        kept = [line for first, line in rows if first.isdigit() and int(first) <= update]
        Disk().replace(path, "".join(lines[:1] + kept).encode())  # whole or not at all: a kill here must not lose it


@contextmanager
def torch_threads(count: int = 1) -> Iterator[None]:
    """Inside this context torch computes in so many threads: the last bits of its sums depend on them."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def passed_over() -> Iterator[Callable[[], None]]:
    """What is there when the given function is first called is not looked through by the garbage collector again.

    With two models loaded, a look through all of their libraries' objects takes a quarter of a second, each time.
    """

    def loaded() -> None:
        if not gc.get_freeze_count():
            gc.collect()
            gc.freeze()

    try:
        yield loaded
    finally:
        gc.unfreeze()
