"""The learner's network in torch: an actor and a critic, over numbers or over pictures."""

from __future__ import annotations

import itertools
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from arena.train import products
from arena.train.nets import KERNELS, Cnn, Mlp, is_picture


class CnnExtractor(nn.Module):
    """Three convolutions and a dense layer, each followed by a ReLU: (n, channels, height, width) uint8 -> (n, hidden).

    It computes in a dtype of arena/train/products.py and gives float32.
    """

    def __init__(self, shape: tuple[int, ...], channels: int, hidden: int, dtype: products.Dtype) -> None:
        """`shape` is (height, width, channels) of the game's view; `dtype`: of products."""
        super().__init__()
        high, wide, deep = shape
        widths = (deep, channels, 2 * channels, 2 * channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], kernel, stride) for i, (kernel, stride) in enumerate(KERNELS)
        )
        for kernel, stride in KERNELS:
            high, wide = (high - kernel) // stride + 1, (wide - kernel) // stride + 1
        self.side = high, wide  # size of the last convolution's output
        self.dense = nn.Linear(2 * channels * high * wide, hidden)
        self.dtype = getattr(torch, dtype)

    def forward(self, pictures: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            out = pictures.to(self.dtype) / 255
            for layer in self.convolutions:
                out = torch.relu(layer(out))
            return torch.relu(self.dense(out.flatten(1))).float()


class ActorCritic(nn.Module):
    """Logits (n, actions) and values (n,) of the learner's observations.

    Pictures: one CnnExtractor for both. Numbers: an MLP of `layers` hidden layers for each. Orthogonal weights, those
    of the logits near 0, so that the first policy is near uniform.
    """

    def __init__(
        self, shape: tuple[int, ...], actions: int, *, hidden: int, layers: int, channels: int, dtype: products.Dtype
    ) -> None:
        """`shape` is spec.vector_shape; `dtype`: of the products of what sees."""
        super().__init__()
        self.shape = shape
        self.actions = actions
        self.body: nn.Module
        if is_picture(shape):
            self.body = CnnExtractor(shape, channels, hidden, dtype)
            self.actor, self.critic = nn.Sequential(nn.Linear(hidden, actions)), nn.Sequential(nn.Linear(hidden, 1))
        else:
            self.body = nn.Flatten()
            width = [int(np.prod(shape)), *[hidden] * layers]
            self.actor, self.critic = _mlp([*width, actions]), _mlp([*width, 1])
        for part in self.modules():
            if isinstance(part, (nn.Linear, nn.Conv2d)):
                nn.init.orthogonal_(part.weight, 2**0.5)
                nn.init.zeros_(cast(Tensor, part.bias))
        nn.init.orthogonal_(cast(nn.Linear, self.actor[-1]).weight, 0.01)
        nn.init.orthogonal_(cast(nn.Linear, self.critic[-1]).weight, 1.0)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(seen)
        return self.actor(features), self.critic(features)[:, 0]


def to_numpy(network: ActorCritic) -> Mlp | Cnn:
    """The actor as a network in NumPy: a copy."""
    layers = [(_copy(part.weight), _copy(part.bias)) for part in network.actor if isinstance(part, nn.Linear)]
    if not isinstance(network.body, CnnExtractor):
        return Mlp(layers)
    convolutions = [
        (_copy(one.weight), _copy(cast(Tensor, one.bias)), int(one.stride[0]))
        for one in network.body.convolutions
        if isinstance(one, nn.Conv2d)
    ]
    # torch flattens (channels, height, width), a Cnn (height, width, channels).
    dense = _copy(network.body.dense.weight)
    dense = dense.reshape(len(dense), -1, *network.body.side).transpose(0, 2, 3, 1).reshape(len(dense), -1)
    return Cnn(network.shape, convolutions, [(dense, _copy(network.body.dense.bias)), *layers])


def from_numpy(network: ActorCritic, net: Cnn) -> None:
    """Make `net` the actor of a network of pictures of its shape: what `to_numpy` undoes. The critic stays."""
    body = cast(CnnExtractor, network.body)
    (dense, bias), actor = net.layers
    dense = dense.reshape(len(dense), *body.side, -1).transpose(0, 3, 1, 2).reshape(len(dense), -1)
    pairs = [(one, weights[:2]) for one, weights in zip(body.convolutions, net.convolutions, strict=True)]
    with torch.no_grad():
        for layer, (weight, shift) in [*pairs, (body.dense, (dense, bias)), (network.actor[0], actor)]:
            cast(Tensor, layer.weight).copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            cast(Tensor, layer.bias).copy_(torch.from_numpy(shift))


def _mlp(width: list[int]) -> nn.Sequential:
    """Linear layers of these widths with a ReLU between two."""
    parts: list[nn.Module] = []
    for wide, out in itertools.pairwise(width):
        parts += [nn.Linear(wide, out), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def _copy(tensor: Tensor) -> Any:
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy().copy())
