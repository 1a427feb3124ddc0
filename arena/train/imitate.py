"""Imitation before PPO: a network learns a teacher's actions, and what they brought, from a file of demonstrations.

The file is an .npz of NumPy: `frames` uint8 (m, height, width); `stacks` int32 (n, channels), the frames of each
picture; `actions` int64 (n,); `returns` float32 (n,), the discounted sum of the learner's rewards (scaled and clipped)
from there.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from arena.errors import InputError

BATCH = (64, 512)  # least and most, of a hundredth of the demonstrations
RATE = 1e-3
NAMES = ("frames", "stacks", "actions", "returns")


def imitate(
    policy: Any, file: Path, epochs: int, seed: int, value: float, said: Callable[[int, int], None] = lambda *_: None
) -> float:
    """Train `policy` (SB3's, on pictures) in place; the share of the teacher's actions that it took in the last epoch.

    `value` weighs the error of the values. `said` is told (batches done, batches in all). InputError when the file is
    none, or its pictures are not what the policy sees.
    """
    try:
        with np.load(file) as demos:  # it loads no pickles unless it is told to
            frames, stacks, actions, returns = (demos[name] for name in NAMES)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise InputError(f"demos={file} is no file of demonstrations ({', '.join(NAMES)}): {error}") from error
    shape, wanted = (*stacks.shape[1:], *frames.shape[1:]), policy.observation_space.shape
    if shape != wanted or frames.dtype != np.uint8:
        raise InputError(f"demos={file} shows {frames.dtype} {shape}; the game gives uint8 {wanted}")
    if not len(actions) or actions.max() >= policy.action_space.n:
        raise InputError(f"demos={file}: expected actions from 0 to {policy.action_space.n - 1}")
    chance = np.random.default_rng(seed)
    batches = -(-len(actions) // min(BATCH[1], max(BATCH[0], len(actions) // 100)))
    optimizer = torch.optim.Adam(policy.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, epochs * batches)
    policy.set_training_mode(True)
    right = 0
    for epoch in range(epochs):
        right = 0
        for at, rows in enumerate(np.array_split(chance.permutation(len(actions)), batches)):
            seen, did = torch.from_numpy(frames[stacks[rows]]), torch.from_numpy(actions[rows])
            features = policy.features_extractor(seen.to(torch.bfloat16) / 255)  # all it makes of a picture anyway
            logits, values = policy.action_net(features), policy.value_net(features)[:, 0]
            loss = functional.cross_entropy(logits, did)
            loss = loss + value * functional.mse_loss(values, torch.from_numpy(returns[rows]))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            right += int((logits.argmax(1) == did).sum())
            said(epoch * batches + at + 1, epochs * batches)
    policy.set_training_mode(False)
    return right / len(actions)
