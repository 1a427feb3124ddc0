"""Imitation before PPO: a network learns a teacher's actions, and their returns, from a file of demonstrations.

The file is an .npz of NumPy: `frames` uint8 (m, height, width); `stacks` int32 (n, channels), the frames of each
picture; `actions` int64 (n,); `returns` float32 (n,), the discounted sum of the learner's rewards (scaled and clipped)
from there.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from arena.errors import InputError
from arena.train.network import ActorCritic

BATCH = (64, 512)  # bounds of a batch, which is a hundredth of the demonstrations
RATE = 1e-3
NAMES = ("frames", "stacks", "actions", "returns")


def imitate(
    network: ActorCritic,
    file: Path,
    epochs: int,
    seed: int,
    value: float,
    said: Callable[[int, int], None] = lambda *_: None,
) -> float:
    """Train `network` (of pictures) in place; the share of the teacher's actions that it took in the last epoch.

    `value` weighs the error of the values. `said` is told (batches done, batches in all). InputError when the file is
    none, or its pictures are not what the policy sees.
    """
    try:
        with np.load(file) as demos:  # loads no pickles by default
            frames, stacks, actions, returns = (demos[name] for name in NAMES)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise InputError(f"demos={file} is not a file of demonstrations ({', '.join(NAMES)}): {error}") from error
    high, wide, deep = network.shape
    shape, wanted = (*stacks.shape[1:], *frames.shape[1:]), (deep, high, wide)
    if shape != wanted or frames.dtype != np.uint8:
        raise InputError(f"demos={file} shows {frames.dtype} {shape}; the game gives uint8 {wanted}")
    if not len(actions) or actions.max() >= network.actions:
        raise InputError(f"demos={file}: expected actions from 0 to {network.actions - 1}")
    chance = np.random.default_rng(seed)
    batches = -(-len(actions) // min(BATCH[1], max(BATCH[0], len(actions) // 100)))
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, epochs * batches)
    right = 0
    for epoch in range(epochs):
        right = 0
        for at, rows in enumerate(np.array_split(chance.permutation(len(actions)), batches)):
            seen, did = torch.from_numpy(frames[stacks[rows]]), torch.from_numpy(actions[rows])
            logits, values = network(seen)
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
