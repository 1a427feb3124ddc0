"""Imitation before PPO: a network learns a teacher's actions, and what they brought, from a file of demonstrations.

The file is a safetensors one: `pictures` uint8 (n, channels, height, width), `actions` int64 (n,), and `returns`
float32 (n,), the discounted sum of the learner's (scaled and clipped) rewards from there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch.nn import functional

from arena.errors import InputError

BATCH = 512
RATE = 1e-3
NAMES = ("pictures", "actions", "returns")


def imitate(
    policy: Any, file: Path, epochs: int, seed: int, value: float, said: Callable[[int, int], None] = lambda *_: None
) -> float:
    """Train `policy` (SB3's, on pictures) in place; the share of the teacher's actions that it took in the last epoch.

    `value` weighs the error of the values. `said` is told (batches done, batches in all). InputError when the file is
    none, or its pictures are not what the policy sees.
    """
    try:
        demos = load_file(file)
        pictures, actions, returns = (demos[name] for name in NAMES)
    except (SafetensorError, KeyError) as error:
        raise InputError(f"demos={file} is no file of demonstrations ({', '.join(NAMES)}): {error}") from error
    if pictures.shape[1:] != policy.observation_space.shape or pictures.dtype != np.uint8:
        wanted = policy.observation_space.shape
        raise InputError(f"demos={file} shows {pictures.dtype} {pictures.shape[1:]}; the game gives uint8 {wanted}")
    if not len(actions) or actions.max() >= policy.action_space.n:
        raise InputError(f"demos={file}: expected actions from 0 to {policy.action_space.n - 1}")
    chance = np.random.default_rng(seed)
    batches = -(-len(actions) // BATCH)
    optimizer = torch.optim.Adam(policy.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, epochs * batches)
    policy.set_training_mode(True)
    right = 0
    for epoch in range(epochs):
        right = 0
        for at, rows in enumerate(np.array_split(chance.permutation(len(actions)), batches)):
            seen, did = torch.from_numpy(pictures[rows]), torch.from_numpy(actions[rows])
            features = policy.extract_features(seen)
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
