"""The engine under the trainers: five calls that hold a model's weights and its optimiser (docs/engine.md).

There is no torch here, so that an engine may be anywhere: `local.LocalEngine` is one in this process. The calls are
those of the Tinker API.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from arena.errors import InputError, nearest
from arena.game import Image
from arena.train import ranges
from arena.train.ranges import ABOVE_0, DECAY, LEAST_0

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Config = Mapping[str, float | str]
NO_CONFIG: Config = MappingProxyType({})
SCORING = ("states", "alone", "heat")  # settings of a call without a loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """A prompt, the response to it, and what the loss needs of each of its tokens."""

    prompt: Ints  # int32 (prompt,), placeholders of pictures included
    response: Ints  # int32 (response,)
    images: tuple[Image, ...] = ()  # uint8 (height, width, 3) each, in the order of their placeholders
    spans: tuple[tuple[int, int], ...] = ()  # (first, length) of the placeholders of each picture in `prompt`
    inputs: Mapping[str, Floats] = field(default_factory=dict)  # float32 (response,) each: `weight`, `advantage`, ...

    def __post_init__(self) -> None:
        for name, one in self.inputs.items():
            if one.shape != self.response.shape:
                raise InputError(
                    f"inputs[{name!r}] has shape {one.shape}: expected {self.response.shape}, a number for each token "
                    "of the response"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a call of forward_backward computed, by datum, in the order that they were given in."""

    logprobs: list[Floats]  # float32 (response,): of each token, before the update
    metrics: dict[str, float] = field(default_factory=dict)  # sums over all tokens
    states: list[Floats] = field(default_factory=list)  # float32 (n, width), where they are asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimParams:
    """Settings of one step of AdamW."""

    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    weight_decay: float = 0.0  # of matrices; biases, norms and embeddings do not decay
    grad_norm: float = 1.0  # the gradient is scaled down to this norm; 0: it is left as it is

    def __post_init__(self) -> None:
        least_0 = dict.fromkeys(("learning_rate", "weight_decay", "grad_norm"), LEAST_0)
        ranges.check("OptimParams", self, least_0 | {"betas": DECAY, "eps": ABOVE_0})


def check_batch(batch: Sequence[Datum], loss: str | None, config: Config) -> None:
    """InputError for data without the same inputs, and for what a call without a loss of the user's does not know."""
    if loss is not None and len(every := {frozenset(one.inputs) for one in batch}) > 1:
        odd = sorted(frozenset.union(*every) - frozenset.intersection(*every))
        raise InputError(f"some data of a call have inputs[{odd[0]!r}], and others have not: give it to all or none")
    if loss is not None:
        return  # a loss knows its own settings
    for name in config:
        if name not in SCORING:
            raise InputError(f"a call without a loss has no setting {name!r}. {nearest(name, SCORING)}")
    if config.get("states") not in (None, "prompt", "response"):
        raise InputError(f"states={config['states']!r}: expected 'prompt' or 'response'")


def weights_folder(folder: Path, version: str) -> Path:
    """Where the weights of a version stand. InputError for what is no name of a folder in there."""
    if not re.fullmatch(r"\w[\w.-]*", version):
        raise InputError(f"version={version!r}: expected letters, digits, points and dashes, as in pi_v1")
    return folder / version


class Engine(ABC):
    """Weights that are trained. One call at a time."""

    @abstractmethod
    def forward_backward(
        self, batch: Sequence[Datum], loss: str | None, config: Config = NO_CONFIG, *, reference: bool = False
    ) -> Output:
        """Score the responses, and add the gradient of the loss to what earlier calls since the last step have added.

        `loss` names one of `losses.LOSSES` or "FILE.py:FUNCTION"; None: no gradient is computed, by the same passes, so
        that log-probabilities equal those of a call with a loss, bit for bit. The loss of the batch is the sum over
        tokens, whose inputs["weight"] is normalised over all that one step learns from. `config`: the loss's settings;
        without a loss, "states" asks for the model's last hidden states: "prompt", the one after the prompt (1, width),
        or "response", those that each token of the response is predicted from (response, width). "alone": True for a
        batch that is always asked as a whole, so that no pass need be filled up for its numbers to be the same ones;
        "heat": scored at so many times the temperature.
        `reference`: score by the weights that training started from (`loss` is None then).

        ArenaError when the loss is no number, or memory runs out; the message says which setting to change. InputError
        for data or settings that it cannot take.
        """

    @abstractmethod
    def optim_step(self, how: OptimParams) -> dict[str, float]:
        """Change the weights by the gradient, which is zero afterwards. Gives {"grad_norm": before it was scaled}."""

    @abstractmethod
    def sampler_weights(self, version: str) -> Path:
        """Write the weights as `Operator.update` takes them, into a folder that appears when it is whole.

        It is called as `version` says. InputError for one that names no folder.
        """

    @abstractmethod
    def save_state(self, path: Path) -> None:
        """Write everything that training goes on from, bit for bit, into the new folder `path`, whole or not at all.

        InputError if `path` exists. A gradient that was not used yet is not part of it.
        """

    @abstractmethod
    def load_state(self, path: Path, *, weights_only: bool = False) -> None:
        """Take what `save_state` wrote; `weights_only`: without the optimiser's moments.

        CheckpointError, with the reason, for a state of another model or version.
        """

    def close(self) -> None:  # noqa: B027
        """Called once, at the end."""
