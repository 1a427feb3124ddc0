"""Imitation before PPO: a network learns a teacher's actions, and their returns, from a file of demonstrations.

The file is an .npz of NumPy: `actions` int64 (n,); `returns` float32 (n,), the discounted sum of the learner's rewards
(scaled and clipped) from there; and what was seen. Of pictures `frames` uint8 (m, height, width), and `stacks` int32
(n, channels), the frames of each picture; of numbers `vectors` float16 or float32 (n, *shape), and `masks` bool
(n, actions), what was legal.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from arena.errors import InputError
from arena.train.nets import is_picture
from arena.train.network import ActorCritic

BATCH = (64, 512)  # bounds of a batch, which is a hundredth of the demonstrations
RATE = 1e-3
PICTURES = ("frames", "stacks", "actions", "returns")
NUMBERS = ("vectors", "masks", "actions", "returns")
Look = Callable[[npt.NDArray[np.int64]], tuple[Tensor, Tensor | None]]  # rows -> what was seen, what was legal


def imitate(
    network: ActorCritic,
    file: Path,
    epochs: int,
    seed: int,
    value: float,
    said: Callable[[int, int], None] = lambda *_: None,
) -> float:
    """Train `network` in place; the share of the teacher's actions that it took in the last epoch.

    `value` weighs the error of the values. `said` is told (batches done, batches in all). InputError when the file is
    none, or shows something else than what the policy sees.
    """
    look, actions, returns = _shown(network, file)
    chance = np.random.default_rng(seed)
    batches = -(-len(actions) // min(BATCH[1], max(BATCH[0], len(actions) // 100)))
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, epochs * batches)
    right = 0
    for epoch in range(epochs):
        right = 0
        for at, rows in enumerate(np.array_split(chance.permutation(len(actions)), batches)):
            seen, legal = look(rows)
            did = torch.from_numpy(actions[rows])
            logits, values = network(seen)
            if legal is not None:
                logits = logits.masked_fill(~legal, -1e9)
            loss = functional.cross_entropy(logits, did)
            loss = loss + value * functional.mse_loss(values, torch.from_numpy(returns[rows]))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            right += int((logits.argmax(1) == did).sum())
            said(epoch * batches + at + 1, epochs * batches)
    return right / len(actions)


def _shown(network: ActorCritic, file: Path) -> tuple[Look, npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """What a file shows, by rows; its actions and returns."""
    pictures = is_picture(network.shape)
    names = PICTURES if pictures else NUMBERS
    try:
        with np.load(file) as demos:  # loads no pickles by default
            found: dict[str, Any] = {name: demos[name] for name in names}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise InputError(f"demos={file} is not a file of demonstrations ({', '.join(names)}): {error}") from error
    actions, returns = found["actions"], found["returns"]
    if not len(actions) or actions.max() >= network.actions:
        raise InputError(f"demos={file}: expected actions from 0 to {network.actions - 1}")
    if not pictures:
        vectors, masks = found["vectors"], found["masks"]
        if vectors.shape[1:] != network.shape or masks.shape[1:] != (network.actions,):
            raise InputError(
                f"demos={file} shows {vectors.shape[1:]} with {masks.shape[1:]} actions; the game gives "
                f"{network.shape} with ({network.actions},)"
            )
        return (
            lambda rows: (torch.from_numpy(vectors[rows].astype(np.float32)), torch.from_numpy(masks[rows])),
            actions,
            returns,
        )
    frames, stacks = found["frames"], found["stacks"]
    high, wide, deep = network.shape
    shape, wanted = (*stacks.shape[1:], *frames.shape[1:]), (deep, high, wide)
    if shape != wanted or frames.dtype != np.uint8:
        raise InputError(f"demos={file} shows {frames.dtype} {shape}; the game gives uint8 {wanted}")
    return lambda rows: (torch.from_numpy(frames[stacks[rows]]), None), actions, returns
