"""The embedded backend: a transformers model in the operator's own process, at fixed shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from arena.canonical import generator
from arena.operator import Usage
from arena_operators.vlm.backend import BatchBackend, Capabilities, ModelAnswer, ModelRequest, Sampling
from arena_operators.vlm.generate import generate
from arena_operators.vlm.model import Model

BATCHES = 2  # in flight: one is computed while the next is on its way


class TransformersBackend(BatchBackend):
    """Answers in batches of `batch` rows: which other rows share a pass changes no bit of a row's answer."""

    def __init__(self, model: Model, batch: int) -> None:
        self.model = model
        self.batch = batch
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

    def generate(self, requests: Sequence[ModelRequest]) -> Iterator[tuple[int, ModelAnswer]]:
        rows = [self.model.encode(request.messages) for request in requests]
        groups: dict[tuple[object, ...], list[int]] = {}
        for index, (row, request) in enumerate(zip(rows, requests, strict=True)):
            groups.setdefault((request.sampling, *row.shape()), []).append(index)
        for (sampling, *_), members in groups.items():
            assert isinstance(sampling, Sampling)
            for start in range(0, len(members), self.batch):
                part = members[start : start + self.batch]
                draws = [generator(requests[i].key).random(sampling.max_tokens) for i in part]
                made = generate(self.model, [rows[i] for i in part], draws, self.batch, sampling.temperature)
                for i, one in zip(part, made, strict=True):
                    yield (
                        i,
                        ModelAnswer(
                            text=self.model.text(one.tokens),
                            prompt_tokens=one.prompt,
                            tokens=one.tokens,
                            logprobs=one.logprobs,
                            finish=one.finish,
                            usage=Usage(prompt=len(one.prompt), completion=len(one.tokens)),
                        ),
                    )
