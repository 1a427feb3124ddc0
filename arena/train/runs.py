"""What every training run has in common: its folder, its progress bar, and how torch computes meanwhile."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arena.errors import CheckpointError, InputError
from arena.train.checkpoint import latest, read_facts
from arena.train.ppo import settings


def begun_at(config: Any, out: Path) -> Path | None:
    """The checkpoint to go on from, if any; InputError when the folder and `config.resume` do not agree."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        where = str(out)[:200]
        raise InputError(
            f"--out {where}: nothing can be written there ({error.strerror}); choose another --out"
        ) from error
    found = latest(out)
    if found and not config.resume:
        raise InputError(f"{out} already holds a training run ({found.name}); add --resume, or choose another --out")
    if config.resume and not found and (out / "curve.csv").exists():
        raise CheckpointError(f"{out} holds a training run without a checkpoint; delete the folder to begin anew")
    if found:
        was, now = read_facts(found)["config"], plain(config)
        changed = [name for name in now if was.get(name) != now[name]]
        if changed:
            name = changed[0]
            raise InputError(f"{out} was trained with {name}={was.get(name)}, not {now[name]}: resume with the same")
    return found


def plain(config: Any) -> dict[str, Any]:
    """A config's settings as JSON would give them back."""
    out: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings(config)))
    return out


@contextmanager
def quick_torch() -> Iterator[None]:
    """One thread (equal sums everywhere) and no check of every distribution, for the time of training."""
    threads = torch.get_num_threads()
    checked = torch.distributions.Distribution._validate_args
    torch.set_num_threads(1)
    torch.distributions.Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.distributions.Distribution.set_default_validate_args(checked)


def bar(shown: bool) -> Progress:
    """The progress bar of a run."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, disable=not shown)
