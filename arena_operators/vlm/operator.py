"""The operators: a dialogue and what runs its model, in this process or behind a server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.operator import AsyncOperator, Decision, OpenSeat, Operator, Outcome, Request, WorkerContext
from arena_operators.vlm import checkpoint, options
from arena_operators.vlm.backend import BatchBackend, ModelRequest, TooLongError
from arena_operators.vlm.checkpoint import Kind
from arena_operators.vlm.dialogue import Dialogue, Settings, Turn


class BatchOperator(Operator):
    """Answers batches of requests, of any seats and matches, with one model in this process."""

    def __init__(self, backend: BatchBackend, settings: Settings) -> None:
        self.backend = backend
        self.dialogue = Dialogue(settings)
        self.max_in_flight = backend.max_in_flight
        self._sizes: set[tuple[int, int]] = set()  # sizes of pictures that were checked

    @property
    def facts(self) -> Mapping[str, str]:
        """What the backend can do, by the names of Capabilities."""
        return self.backend.capabilities().facts()

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """ValueError when the game has not what the model is asked with, or its prompt would go without the picture."""
        self.dialogue.open(seats)
        if self.dialogue.settings.picture:
            for size in {seat.views.image for seat in seats if seat.views.image is not None} - self._sizes:
                self.backend.check_picture_size(*size)
                self._sizes.add(size)

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self.dialogue.end(match, seat, outcome)

    def update(self, version: str, path: str) -> None:
        self.backend.update(path, version)

    def act(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Decision]]:
        turns = [(request, self.dialogue.turn(request)) for request in requests]
        asked = [(request, turn, self._fitting(turn, next(turn))) for request, turn in turns]
        while asked:
            again = []
            for index, answer in self.backend.generate([what for _, _, what in asked]):
                request, turn, _ = asked[index]
                try:
                    again.append((request, turn, self._fitting(turn, turn.send(answer))))
                except StopIteration as end:
                    yield request, end.value
            asked = again

    def _fitting(self, turn: Turn, asked: ModelRequest) -> ModelRequest:
        """What the turn asks once it fits into the model's context. TooLongError when it never does."""
        while True:
            try:
                self.backend.check_fits(asked)
            except TooLongError as error:
                asked = turn.throw(error)
            else:
                return asked

    def close(self) -> None:
        self.backend.close()


def make(context: WorkerContext, kind: Kind = "vlm") -> Operator | AsyncOperator:
    """The operator that `context` names. Runs in the worker; raises ValueError with a message for the user.

    What a backend needs is imported for it alone: an operator whose model is served needs no torch here.
    """
    try:
        asked = options.filled(context.what, context.options, kind)
        settings = options.settings(asked, kind)
        if options.served_elsewhere(asked):
            return _served(context, asked, settings)
        if asked["backend"] == "vllm":
            return _own_vllm(context, asked, settings, kind)
        return _embedded(context, asked, settings, kind)
    except (InputError, MemoryError) as error:
        raise ValueError(str(error)) from error


make_llm = partial(make, kind="llm")


def _served(context: WorkerContext, asked: Mapping[str, Any], settings: Settings) -> AsyncOperator:
    from arena_operators.vlm.openai_backend import OpenAIBackend
    from arena_operators.vlm.served import ServedOperator

    backend = OpenAIBackend(asked["url"], asked["model"], asked.get("key"), options.at_once(asked))
    backend.name, backend.stream = asked["backend"], bool(asked.get("stream"))
    return ServedOperator(backend, settings, context)


def _own_vllm(context: WorkerContext, asked: Mapping[str, Any], settings: Settings, kind: Kind) -> AsyncOperator:
    from arena.supervisor.runtime.use import interpreter
    from arena.train.vlm.workers import SERVERS
    from arena_operators.vlm.served import ServedOperator
    from arena_operators.vlm.vllm_backend import VllmBackend
    from arena_operators.vlm.vllm_launch import Special, in_cache, launch, runtime_of, special

    origin = checkpoint.source(context.what, asked.get("adapter"), kind)
    checkpoint.check_source(origin)
    python = interpreter(runtime_of(asked))
    shared = Path(os.environ[SERVERS]) if SERVERS in os.environ else None

    def found() -> Special:
        return special(in_cache(origin, asked.get("revision")))

    backend = VllmBackend(python, launch(origin, asked), found, options.at_once(asked), shared)
    backend.stream = bool(asked.get("stream"))
    return ServedOperator(backend, settings, context)


def _embedded(context: WorkerContext, asked: Mapping[str, Any], settings: Settings, kind: Kind) -> Operator:
    import torch

    from arena.train import memory
    from arena_operators.vlm.embedded import TransformersBackend, smaller
    from arena_operators.vlm.model import Model

    origin = checkpoint.source(context.what, asked.get("adapter"), kind)
    checkpoint.check_source(origin)
    torch.set_num_threads(asked["threads"])
    device = asked["device"]
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"{kind}@device={device}: torch finds no CUDA device here; say @device=cpu")
    context.status(f"loading {origin.name}")
    with memory.told(device, f"loading {origin.name}", smaller(asked["dtype"])):
        model = Model(origin, device, asked["dtype"], asked.get("revision"))
    settings.check_context(model.context)
    model.thinks = settings.sampling.thinking != 0
    if kind == "llm":
        model.check_text()
    return BatchOperator(TransformersBackend(model, asked["batch"]), settings)
