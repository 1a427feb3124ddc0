"""What an engine writes for itself: its state, and the rows of an update that failed. In safetensors and JSON, so

nothing in it can run code, and each folder appears when it is whole. What it writes for others: adapters.py.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from arena.errors import ArenaError, CheckpointError, InputError, nearest, reason, sentence
from arena.train.vlm import begun, sft_facts
from arena.train.vlm.engine import Datum

VERSION = 1
MERGE = "To train another model on what this one learnt, merge it (`arena export model`), name that, and begin anew"
FACTS, SERVED = begun.STATE, begun.SERVED
MARKER = begun.WEIGHTS  # the last file of a folder of weights


class Batch(NamedTuple):
    """Rows that were written."""

    path: Path
    rows: int


@contextlib.contextmanager
def whole(path: Path, resumes: bool = True) -> Iterator[Path]:
    """A new folder beside `path` to write into, which becomes `path` at the end; nothing is left where that fails.

    `resumes`: of a training, which can go on then.
    """
    fresh = path.with_name(f".{path.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        yield fresh
        others = fresh.stat().st_mode & 0o666  # as the user's umask has it: safetensors writes for one user
        for file in fresh.rglob("*"):
            if file.is_file():
                file.chmod(others)
                with file.open("rb") as stream:
                    os.fsync(stream.fileno())
        if path.exists():
            shutil.rmtree(path)
        fresh.rename(path)
    except (OSError, SafetensorError) as error:
        full = isinstance(error, SafetensorError) or error.errno in (errno.ENOSPC, errno.EDQUOT)
        then = "What was written before is whole: mend that" if resumes else "Nothing was written: mend that"
        how = f"{' (make room)' * full}, and {'go on with --resume' if resumes else 'try again'}"
        raise ArenaError(f"{path} cannot be written: {sentence(reason(error))} {then}{how}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_state(
    path: Path, trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, facts: Mapping[str, Any]
) -> None:
    """The trained weights, the optimiser's moments, and what they belong to."""
    if path.exists():
        raise InputError(f"{path} exists: a state is never overwritten; name a new folder")
    with whole(path) as fresh:
        weights = {name: one.detach().cpu().contiguous() for name, one in trained.items()}
        save_file(weights, fresh / "weights.safetensors")
        moments = {
            f"{index}.{name}": value.cpu().contiguous()
            for index, entry in optimizer.state_dict()["state"].items()
            for name, value in entry.items()
        }
        save_file(moments, fresh / "optimizer.safetensors")
        (fresh / FACTS).write_text(
            json.dumps({"version": VERSION, **facts}, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )


def instead(state: Path) -> str:
    """What to do without a state that is damaged."""
    checkpoint = state.parent
    if checkpoint.name.isdigit() or checkpoint.name.startswith(sft_facts.CHECKPOINT):
        return f"Delete {checkpoint} to take the one before it"
    return "Name another one"


def read_facts(path: Path, name: str = FACTS, what: str = "checkpoint") -> dict[str, Any]:
    """What a state belongs to. CheckpointError if there is none, or it is of another version.

    `name`: the file that says so; `what` it is a state of, in words.
    """
    try:
        facts = json.loads((path / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = f"{path} is no {what}, or its {name} is damaged: {sentence(reason(error))}"
        raise CheckpointError(f"{why} {instead(path)}") from error
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        found = facts.get("version") if isinstance(facts, dict) else None
        raise CheckpointError(
            f"{path} was written in version {found} of its format, and this arena reads version {VERSION}: resume it "
            "with the arena that wrote it"
        )
    return facts


def read_state(
    path: Path, trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer | None, facts: Mapping[str, Any]
) -> bool:
    """Put a state into the weights and the optimiser, all of it or nothing. CheckpointError with the reason.

    Gives whether any weight was another one before.
    """
    found = read_facts(path)
    for name in dict.fromkeys((*facts, *found)):
        was, now = found.get(name), facts.get(name)
        if was != now and name not in ("source", "version"):
            what = "its base model has other files" if name == "base" else f"{name}={was}, not {now}"
            raise CheckpointError(f"{path} is the state of another model ({found.get('source')}): {what}. {MERGE}")
    weights = _tensors(path / "weights.safetensors")
    moments = {} if optimizer is None else _tensors(path / "optimizer.safetensors")
    if weights.keys() != trained.keys():
        other = sorted(weights.keys() ^ trained.keys())[0]
        raise CheckpointError(f"{path} is the state of another model: {other}. {nearest(other, trained)} {MERGE}")
    for name, one in trained.items():
        if weights[name].shape != one.shape or weights[name].dtype != one.dtype:
            raise CheckpointError(
                f"{path} is the state of another model: {name} is {tuple(weights[name].shape)} {weights[name].dtype}, "
                f"not {tuple(one.shape)} {one.dtype}. {MERGE}"
            )
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in moments.items():
        index, _, what = name.partition(".")
        state.setdefault(int(index), {})[what] = tensor
    same = all(torch.equal(one.cpu(), weights[name]) for name, one in trained.items())
    with torch.no_grad():
        for name, one in trained.items():
            one.copy_(weights[name])
    if optimizer is not None:
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return not same


def _tensors(file: Path) -> dict[str, Tensor]:
    """What is in a file of a state. CheckpointError, with its name, if it is not there or is damaged."""
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{file} is missing or damaged: {sentence(error)} {instead(file.parent)}") from error


def write_batch(folder: Path, batch: Sequence[Datum]) -> Batch:
    """Rows in one .npz file: `N.prompt`, `N.response`, `N.image.M` and `N.NAME` for each input."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    for number, one in enumerate(batch):
        arrays |= {f"{number}.prompt": one.prompt, f"{number}.response": one.response}
        arrays |= {f"{number}.image.{at}": image for at, image in enumerate(one.images)}
        arrays |= {f"{number}.{name}": values for name, values in one.inputs.items()}
    path = next(path for n in itertools.count() if not (path := folder / f"failed-batch-{n}.npz").exists())
    np.savez_compressed(path, **arrays)
    return Batch(path, len(batch))
