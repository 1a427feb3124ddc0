"""The embedded backend: a transformers model in the operator's own process, at fixed shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from arena.canonical import generator
from arena.operator import Usage
from arena_operators.vlm.backend import BatchBackend, Capabilities, ModelAnswer, ModelRequest, Sampling
from arena_operators.vlm.generate import Batches
from arena_operators.vlm.model import Model
from arena_operators.vlm.slots import Slots

BATCHES = 2  # in flight: one is computed while the next is on its way


class TransformersBackend(BatchBackend):
    """Answers in batches of `batch` rows: which other rows share a pass changes no bit of a row's answer."""

    def __init__(self, model: Model, batch: int) -> None:
        self.model = model
        self.batch = batch
        self._engine = self._new_engine()
        self.max_in_flight = BATCHES * batch

    def capabilities(self) -> Capabilities:
        return Capabilities(
            backend="transformers",
            model=self.model.name,
            tokens_out=True,
            logprobs=True,
            seeds=True,
            pictures=True,
        )

    def check_picture_size(self, height: int, width: int) -> None:
        self.model.check_picture_size(height, width)

    def update(self, path: str) -> None:
        self.model.update(Path(path))
        self._engine = self._new_engine()

    def _new_engine(self) -> Any:
        return Slots(self.model, self.batch) if Slots.fits(self.model) else Batches(self.model, self.batch)

    def generate(self, requests: Sequence[ModelRequest]) -> Iterator[tuple[int, ModelAnswer]]:
        groups: dict[Sampling, list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault(request.sampling, []).append(index)
        for sampling, members in groups.items():
            rows = [self._engine.encode(requests[i].messages) for i in members]
            draws = [generator(requests[i].key).random(sampling.max_tokens) for i in members]
            for number, one in self._engine.generate(rows, draws, sampling):
                yield (
                    members[number],
                    ModelAnswer(
                        text=self.model.text(one.tokens),
                        prompt_tokens=one.prompt,
                        tokens=one.tokens,
                        logprobs=one.logprobs,
                        finish=one.finish,
                        usage=Usage(prompt=len(one.prompt), completion=len(one.tokens)),
                    ),
                )
