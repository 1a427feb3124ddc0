"""What is asked of a language model and what it answers: the interface between the operator and what runs the model.

A batch backend runs the model in the operator's own process; an asynchronous backend asks a server, with many requests
in flight. Neither knows games: messages go in, one text comes out.
"""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from arena.game import Image
from arena.operator import Ids, Usage, WorkerContext


@dataclass(frozen=True)
class Picture:
    """A picture in a message: uint8 (height, width, 3)."""

    pixels: Image

    @cached_property
    def sha256(self) -> str:
        """Of its size and its pixels, in hex: equal pictures are one picture to a cache."""
        height, width = self.pixels.shape[:2]
        return hashlib.sha256(b"%d %d " % (height, width) + self.pixels.tobytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat: texts and pictures in order."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[str | Picture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn. Every field is sent to every server, since servers' defaults differ."""

    temperature: float = 1.0  # 0: greedy
    top_p: float = 1.0
    top_k: int = 0  # 0: all tokens
    min_p: float = 0.0
    max_tokens: int = 256
    thinking: int | None = (
        None  # most tokens of thought; None: as many as max_tokens; 0: the model is told not to think
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One text to be generated."""

    messages: tuple[Message, ...]
    key: bytes  # 16 bytes: the chance of this text, and of nothing else
    sampling: Sampling
    choices: tuple[str, ...] = ()  # the answer must be one of these; empty: any text
    decide: bool = False  # nothing is written: one of the choices is taken by the chances of all
    tokens: bool = False  # token ids and log-probabilities are wanted
    weights: str | None = None  # those that AsyncBackend.weights named; None: the latest

    @property
    def seed(self) -> int:
        """For servers that take a seed: 0 to 2^31 - 1."""
        return int.from_bytes(self.key[:4], "big") >> 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """One generated text. Arrays are None where they were not wanted or the server cannot give them."""

    text: str  # without special tokens
    thought: str | None = None  # what a server's reasoning parser kept apart
    refusal: str | None = None  # the model's refusal to answer, which is no answer
    prompt_tokens: Ids | None = None  # int32 (prompt,), image tokens included
    tokens: Ids | None = None  # int32 (answer,), the end token included
    logprobs: npt.NDArray[np.float32] | None = None  # float32 (answer,), of the distribution each was drawn from
    finish: str = "stop"  # or "length", ..., as model servers say it
    usage: Usage = field(default_factory=Usage)
    chances: tuple[float, ...] | None = None  # of the request's choices, where it decides between them
    weights_version: str | None = None  # where the backend knows better than the worker


class TooLongError(ValueError):
    """The messages and the tokens that the answer may take do not fit into the model's context. Says the numbers, and

    how to have a larger context.
    """


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend can do, found by a probe when it starts."""

    backend: str  # "transformers", "vllm", "openai"
    model: str  # as the backend names it
    server: str = ""  # name and version of the server
    tokens_out: bool = False  # ids of prompt and answer
    tokens_in: bool = False
    logprobs: bool = False
    choices: bool = False  # answers limited to a list
    seeds: bool = False  # they reach the model: one repeats a sampled answer, and another one changes it
    seeds_differ: bool = False  # two seeds gave two answers
    pictures: bool = False
    picture_uuid: bool = False  # a picture that was sent before is sent by its name
    lora: bool = False  # loads adapters while it runs
    context: int | None = None  # most tokens of prompt and answer

    def facts(self) -> dict[str, str]:
        """In words, by the names above."""
        return {name: _said(getattr(self, name)) for name in self.__struct_fields__}


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)


class BatchBackend(abc.ABC):
    """Runs the model here, several texts in one forward pass."""

    max_in_flight: int  # texts that are worth having at once

    @abc.abstractmethod
    def capabilities(self) -> Capabilities:
        """What it can do."""

    def check_picture_size(self, height: int, width: int) -> None:  # noqa: B027
        """ValueError, in words, unless a prompt with such a picture reaches the model with the picture in it."""

    def check_fits(self, request: ModelRequest) -> None:  # noqa: B027
        """TooLongError, with the numbers, unless its messages and its longest answer fit into the model's context."""

    @abc.abstractmethod
    def generate(self, requests: Sequence[ModelRequest]) -> Iterator[tuple[int, ModelAnswer]]:
        """(index, answer) of each request, each once, as they come."""

    def update(self, path: str, version: str | None = None) -> None:
        """As Operator.update; with a version, the trainer's canary beside the weights is asked, where there is one."""
        raise NotImplementedError(f"{type(self).__name__} cannot change its weights")

    def close(self) -> None:  # noqa: B027
        """Called once, at the end."""


class AsyncBackend(abc.ABC):
    """Asks a server. `generate` runs many times at once.

    BackendError or OverloadedError when the server fails or refuses for lack of capacity; ValueError when it refuses
    the request itself, as a TooLongError where that is why.
    """

    max_in_flight: int = 0  # requests that the server takes at once; 0: any number
    blind: str = "its server takes none"  # why it takes no pictures, where it does not

    @property
    def weights(self) -> str | None:
        """A name for the weights in use now, by which all requests of a turn can ask the same ones."""
        return None

    @abc.abstractmethod
    async def start(self, context: WorkerContext) -> Capabilities:
        """Start or find the server, and probe it. ValueError, in words for the user, when it cannot be used."""

    async def check_picture_size(self, height: int, width: int) -> None:  # noqa: B027
        """As BatchBackend.check_picture_size."""

    @abc.abstractmethod
    async def generate(self, request: ModelRequest) -> ModelAnswer:
        """The answer. When it is cancelled, the server is told to stop."""

    @abc.abstractmethod
    async def once(self, request: ModelRequest) -> None:
        """Have it answered, and never ask again: OverloadedError as soon as the server has no capacity for it."""

    async def update(self, version: str, path: str) -> None:
        """As Operator.update."""
        raise NotImplementedError(f"{type(self).__name__} cannot change its weights")

    async def stop(self) -> None:  # noqa: B027
        """Called once, at the end."""
