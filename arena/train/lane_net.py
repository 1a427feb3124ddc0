"""The network of PPO on lanes, in torch; `extract` gives it as a Cnn in NumPy."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from arena.train.cnn import KERNELS, Cnn


class Eyes(BaseFeaturesExtractor):  # type: ignore[misc]
    """Three convolutions and a dense layer, each followed by a ReLU. Sees (n, channels, height, width), 0 to 1.

    It computes in bfloat16 (several times faster on a CPU that knows it) and gives float32.
    """

    def __init__(self, observation_space: gymnasium.spaces.Box, channels: int = 16, hidden: int = 256) -> None:
        super().__init__(observation_space, hidden)
        widths = (observation_space.shape[0], channels, 2 * channels, 2 * channels)
        convolutions = [
            nn.Conv2d(widths[i], widths[i + 1], kernel, stride) for i, (kernel, stride) in enumerate(KERNELS)
        ]
        self.convolutions = nn.ModuleList(convolutions)
        with torch.no_grad():
            wide = self._look(torch.zeros(1, *observation_space.shape)).shape[1]
        self.dense = nn.Linear(wide, hidden)

    def forward(self, observations: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return torch.relu(self.dense(self._look(observations))).float()

    def _look(self, out: Tensor) -> Tensor:
        for layer in self.convolutions:
            out = torch.relu(layer(out))
        return out.flatten(1)


def extract(policy: Any) -> Cnn:
    """The actor of an SB3 policy with these Eyes: a copy."""
    eyes = policy.features_extractor
    channels, high, wide = policy.observation_space.shape
    convolutions = [(_numpy(one.weight), _numpy(one.bias), int(one.stride[0])) for one in eyes.convolutions]
    last = len(convolutions[-1][0])
    dense = _numpy(eyes.dense.weight)
    side = [high, wide]
    for kernel, stride in KERNELS:
        side = [(one - kernel) // stride + 1 for one in side]
    # torch flattens (channels, height, width), a Cnn (height, width, channels).
    dense = dense.reshape(-1, last, *side).transpose(0, 2, 3, 1).reshape(len(dense), -1)
    layers = [(dense, _numpy(eyes.dense.bias)), (_numpy(policy.action_net.weight), _numpy(policy.action_net.bias))]
    return Cnn((high, wide, channels), convolutions, layers)


def insert(policy: Any, net: Cnn) -> None:
    """Make `net` the actor of an SB3 policy with Eyes of its shape: what `extract` undoes. The critic stays."""
    eyes = policy.features_extractor
    last = len(net.convolutions[-1][0])
    (dense, bias), actor = net.layers
    side = round((dense.shape[1] / last) ** 0.5)
    dense = dense.reshape(len(dense), side, -1, last).transpose(0, 3, 1, 2).reshape(len(dense), -1)
    pairs = [(one, weights[:2]) for one, weights in zip(eyes.convolutions, net.convolutions, strict=True)]
    with torch.no_grad():
        for layer, (weight, shift) in [*pairs, (eyes.dense, (dense, bias)), (policy.action_net, actor)]:
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            layer.bias.copy_(torch.from_numpy(shift))


def _numpy(tensor: Tensor) -> Any:
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy().copy())
