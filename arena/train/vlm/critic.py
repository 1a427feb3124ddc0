"""The critic: one value a turn, from what can be seen of it. It is apart from the model, and small.

It looks at any of several inputs together: the picture (DQN's CNN on the raw frame, as in Odysseus), the game's vector
view (numbers, or a stack of pictures: the CNN again, which then sees movement), the game's facts, and the model's last
hidden state of the prompt. It may know more than the model does: a baseline must only not depend on the action.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from arena.canonical import generator, key
from arena.errors import ArenaError, CheckpointError, InputError
from arena.train import products
from arena.train.nets import SMALLEST
from arena.train.network import CnnExtractor
from arena.train.vlm.advantages import FLAT, Array
from arena.train.vlm.critic_config import CriticConfig
from arena.train.vlm.seen import INPUTS, Seen

LARGEST = 160  # a longer edge of a picture is averaged down to at most this: a handheld's frame stays raw
CHUNK = 256  # rows of one forward pass


class Critic:
    """Values of turns, learnt from their returns. On equal machines and thread counts its bits are equal."""

    def __init__(self, config: CriticConfig, shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> None:
        """`shapes`: of each input, as `Seen.shapes` gives them. InputError for an input that there is not."""
        for name in config.inputs:
            if name not in INPUTS:
                raise InputError(f"the critic cannot look at {name!r}: expected {', '.join(INPUTS)}")
        if not config.inputs:
            raise InputError(f"the critic looks at nothing: expected inputs of {', '.join(INPUTS)}")
        self.config = config
        self.updates = 0
        self._seed = seed
        self._mean, self._square = 0.0, 0.0  # running means of returns and of their squares, not yet corrected
        self._shift, self._scale = 0.0, 1.0  # value = shift + scale output
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int.from_bytes(key("critic", seed)[:7], "little"))
            self._network = _Network(config, {name: tuple(shapes[name]) for name in config.inputs})
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=config.learning_rate)

    @property
    def warming(self) -> bool:
        """Whether the policy waits for the critic still."""
        return self.updates < self.config.warmup

    def values(self, seen: Seen) -> Array:
        """(n,) float64: the value of each turn; NaN where something is missing. ArenaError if the critic diverged."""
        out = np.full(len(seen.known), np.nan)
        places = np.flatnonzero(seen.known)
        with torch.no_grad():
            for at in range(0, len(places), CHUNK):
                chunk = places[at : at + CHUNK]
                out[chunk] = self._shift + self._scale * self._network(_batch(seen, chunk)).double().numpy()
        if not np.isfinite(out[places]).all():
            raise ArenaError(
                "the critic gives values that are not finite: lower critic.learning_rate (now "
                f"{self.config.learning_rate:g})"
            )
        return out

    def update(self, seen: Seen, targets: Array) -> dict[str, float]:
        """Learn the targets (n,), by SmoothL1 in units of their running deviation. Returns metrics.

        The output layer is changed with the running mean and deviation so that values stay (van Hasselt et al. 2016,
        1602.07714). ArenaError for a target that is not finite, or where nothing is seen.
        """
        places = np.flatnonzero(seen.known)
        if not len(places):
            raise ArenaError(f"none of {len(seen.known)} turns has all that the critic sees: {', '.join(seen.columns)}")
        wanted = targets[places]
        if not np.isfinite(wanted).all():
            raise ArenaError(
                f"{np.sum(~np.isfinite(wanted))} returns for the critic are not finite: look at the rewards, of "
                "the game or of learn.reward"
            )
        metrics = {"critic/explained_var": explained_variance(wanted, self.values(seen)[places])}
        self._rescale(wanted)
        scaled = torch.from_numpy((wanted - self._shift) / self._scale).float()
        chance = generator(key("critic", self._seed, self.updates))
        losses, norms = [], []
        for _ in range(self.config.epochs):
            order = chance.permutation(len(places))
            for at in range(0, len(order), self.config.batch):
                chosen = order[at : at + self.config.batch]
                loss = functional.smooth_l1_loss(self._network(_batch(seen, places[chosen])), scaled[chosen])
                self._optimizer.zero_grad()
                loss.backward()
                norms.append(float(nn.utils.clip_grad_norm_(self._network.parameters(), self.config.grad_norm)))
                self._optimizer.step()
                losses.append(float(loss.detach()))
        self.updates += 1
        metrics["critic/vf_loss"] = float(np.mean(losses))
        metrics["critic/grad_norm"] = float(np.mean(norms))
        metrics["critic/scale"] = self._scale
        return metrics

    def state(self) -> dict[str, Tensor]:
        """Copies of everything: weights, optimiser, running scale, number of updates."""
        out = {f"network.{name}": one.detach().clone() for name, one in self._network.state_dict().items()}
        for at, kept in self._optimizer.state_dict()["state"].items():
            out |= {f"adam.{at}.{name}": torch.as_tensor(one).clone() for name, one in kept.items()}
        numbers = [self._mean, self._square, self._shift, self._scale, float(self.updates)]
        return {**out, "numbers": torch.tensor(numbers, dtype=torch.float64)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state()`, bit for bit. CheckpointError if it is of another critic."""
        tensors = {name.removeprefix("network."): one for name, one in state.items() if name.startswith("network.")}
        own = self._network.state_dict()
        differing = sorted(
            name for name in own.keys() | tensors if own.get(name, _NO).shape != tensors.get(name, _NO).shape
        )
        if differing or "numbers" not in state:
            raise CheckpointError(
                f"the critic's state is of another critic: {', '.join(differing[:3]) or 'numbers'} differ. It looks at "
                f"{', '.join(self.config.inputs)} with {self.config.hidden} hidden units"
            )
        self._network.load_state_dict(tensors)
        kept: dict[int, dict[str, Tensor]] = {}
        for name, one in state.items():
            if name.startswith("adam."):
                _, at, what = name.split(".")
                kept.setdefault(int(at), {})[what] = one.clone()
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": kept})
        self._mean, self._square, self._shift, self._scale, updates = state["numbers"].tolist()
        self.updates = int(updates)

    def _rescale(self, wanted: Array) -> None:
        """Hear of these returns, and keep the values where they were."""
        decay = self.config.decay
        self._mean = decay * self._mean + (1 - decay) * float(wanted.mean())
        self._square = decay * self._square + (1 - decay) * float((wanted**2).mean())
        seen = 1 - decay ** (self.updates + 1)  # a mean from 0 is too small at first
        shift = self._mean / seen
        deviation = math.sqrt(max(0.0, self._square / seen - shift**2))
        scale = deviation if deviation > FLAT else 1.0
        with torch.no_grad():
            head = self._network.head
            head.weight.mul_(self._scale / scale)
            head.bias.copy_((self._scale * head.bias + self._shift - shift) / scale)
        self._shift, self._scale = shift, scale


def explained_variance(returns: Array, values: Array) -> float:
    """1 - var(returns - values) / var(returns): 1 is perfect, 0 as good as a constant. 0 if all returns are equal."""
    spread = float(returns.var()) if len(returns) else 0.0
    return 1 - float((returns - values).var()) / spread if spread > FLAT else 0.0


class _Network(nn.Module):
    """One layer or CNN for each input; their outputs side by side, one more layer, a value."""

    def __init__(self, config: CriticConfig, shapes: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        self.inputs = nn.ModuleDict({name: _encoder(name, config, shape) for name, shape in sorted(shapes.items())})
        self.body = nn.Linear(config.hidden * len(shapes), config.hidden)
        self.head = nn.Linear(config.hidden, 1)
        for part in self.modules():
            if isinstance(part, (nn.Linear, nn.Conv2d)):  # torch's own weights let pictures fade from layer to layer
                nn.init.orthogonal_(part.weight, 2**0.5)
                nn.init.zeros_(cast(Tensor, part.bias))
        nn.init.zeros_(self.head.weight)

    def forward(self, given: Mapping[str, Tensor]) -> Tensor:
        features = torch.cat([encoder(given[name]) for name, encoder in self.inputs.items()], dim=1)
        out: Tensor = self.head(torch.relu(self.body(features)))[:, 0]
        return out


class _Pixels(nn.Module):
    """(n, height, width, channels) uint8 -> (n, hidden), by DQN's CNN (Mnih et al. 2015)."""

    def __init__(self, config: CriticConfig, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.smaller = math.ceil(max(shape[:2]) / LARGEST)
        self.larger = math.ceil(SMALLEST / min(shape[:2]))
        high, wide = (edge * self.larger // self.smaller for edge in shape[:2])
        self.cnn = CnnExtractor((high, wide, shape[2]), config.channels, config.hidden, products.settled(config.dtype))

    def forward(self, pictures: Tensor) -> Tensor:
        out = pictures.permute(0, 3, 1, 2)
        if self.larger > 1:
            out = out.repeat_interleave(self.larger, 2).repeat_interleave(self.larger, 3)
        if self.smaller > 1:
            out = functional.avg_pool2d(out.float(), self.smaller)
        features: Tensor = self.cnn(out)
        return features


def _encoder(name: str, config: CriticConfig, shape: tuple[int, ...]) -> nn.Module:
    if len(shape) == 3:
        return _Pixels(config, shape)
    layer = nn.Linear(shape[0], config.hidden)
    # A model's hidden state has a few very large numbers.
    return nn.Sequential(nn.LayerNorm(shape), layer, nn.ReLU()) if name == "hidden" else nn.Sequential(layer, nn.ReLU())


def _batch(seen: Seen, places: npt.NDArray[np.intp]) -> dict[str, Tensor]:
    out = {}
    for name, column in seen.columns.items():
        array = torch.from_numpy(np.stack([column[at] for at in places]))
        out[name] = array if array.dtype == torch.uint8 else array.float()
    return out


_NO = torch.zeros(0, 0, 0)
