"""The embedded backend: a transformers model in the operator's own process, at fixed shapes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from arena.canonical import generator
from arena.operator import Usage
from arena.train import memory
from arena.train.vlm import canary
from arena_operators.vlm.backend import (
    BatchBackend,
    Capabilities,
    Message,
    ModelAnswer,
    ModelRequest,
    Sampling,
    TooLongError,
)
from arena_operators.vlm.choices import Choices, Given
from arena_operators.vlm.decide import decide
from arena_operators.vlm.generate import Batches, Generated
from arena_operators.vlm.model import Model
from arena_operators.vlm.slots import Slots

BATCHES = 2  # in flight: one is computed while the next is on its way


class TransformersBackend(BatchBackend):
    """Answers in batches of `batch` rows: which other rows share a pass changes no bit of a row's answer."""

    def __init__(self, model: Model, batch: int) -> None:
        self.model = model
        self.batch = batch
        self._engine = self._new_engine()
        self._encoded: dict[int, tuple[Sequence[Message], Any]] = {}  # what is to be generated next
        self.max_in_flight = BATCHES * batch

    def capabilities(self) -> Capabilities:
        return Capabilities(
            backend="transformers",
            model=self.model.name,
            tokens_out=True,
            logprobs=True,
            choices=True,
            seeds=True,
            seeds_differ=True,
            pictures=self.model.sees,
            context=self.model.context,
        )

    def check_picture_size(self, height: int, width: int) -> None:
        self.model.check_picture_size(height, width)

    def update(self, path: str, version: str | None = None) -> None:
        """ValueError when the weights do not fit, or, as CanaryError, when they do not score as the trainer's do.

        MemoryError when there is no room for them beside the old ones, which stay until the new ones are tried.
        """
        with memory.told(self.model.device, "taking new weights beside the old ones", smaller(self.model.dtype)):
            self._update(Path(path), version)

    def _update(self, folder: Path, version: str | None) -> None:
        told = canary.read(folder, version) if version is not None and folder.is_dir() else None
        before, old = self.model.model, None if told is None else self._scores(told)
        self.model.update(folder)
        if told is not None:
            try:
                canary.judge(told, self._scores(told), self._scores(told, canary.HOT), before=old)
            except canary.CanaryError:
                self.model.model = before
                raise
        self._engine = self._new_engine()

    def _scores(self, told: canary.Canary, heat: float = 1.0) -> list[float]:
        """The log-probability of each scored token, of the distribution that is drawn from; `heat`: times the canary's

        temperature.
        """
        ids = torch.tensor([told.tokens], device=self.model.device)
        with torch.no_grad():
            logits = self.model.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0].float()
        logits[:, torch.from_numpy(self.model.banned(logits.shape[-1])).to(logits.device)] = -torch.inf
        scores = (logits / (heat * told.temperature)).log_softmax(-1)[-len(told.scored) - 1 : -1]
        found: list[float] = scores.gather(-1, torch.tensor(told.scored, device=ids.device)[:, None])[:, 0].tolist()
        return found

    def check_fits(self, request: ModelRequest) -> None:
        row = self._engine.encode(request.messages)
        self._encoded[id(request.messages)] = request.messages, row
        context, longest = self.model.context, request.sampling.max_tokens
        if request.decide:
            longest = max(len(text) for text in self._choices(request.choices).texts)
        if context is not None and row.length + longest > context:
            answer = "the longest legal action" if request.decide else "its answer (@max_tokens=)"
            raise TooLongError(
                f"the prompt has {row.length:,} tokens and {answer} {longest:,}, together more than the "
                f"{context:,} of the model's context: name a model with a larger one"
            )

    def _row(self, messages: Sequence[Message]) -> Any:
        """The encoded chat; `check_fits` has made it already where it was asked."""
        known, row = self._encoded.get(id(messages), (None, None))
        return row if known is messages else self._engine.encode(messages)

    def _choices(self, texts: Sequence[str]) -> Choices:
        return Choices(texts, self.model.tokenizer, min(self.model.ends))

    def _new_engine(self) -> Any:
        if Slots.fits(self.model):
            return Slots(self.model, self.batch)
        return Batches(self.model, self.batch)

    def generate(self, requests: Sequence[ModelRequest]) -> Iterator[tuple[int, ModelAnswer]]:
        """MemoryError says what to lower: a batch has its size however few are asked, so fewer matches need no less."""
        shorter = "shorten prompts (@history=, @image=) or answers (@max_tokens=), or name a smaller model"
        lower = f"lower @batch= (now {self.batch})" if self.batch > 1 else shorter
        with memory.told(self.model.device, f"a batch of {self.batch} answers", lower):
            yield from self._answers(requests)

    def _answers(self, requests: Sequence[ModelRequest]) -> Iterator[tuple[int, ModelAnswer]]:
        began = time.perf_counter()
        encoded = [self._row(request.messages) for request in requests]
        self._encoded.clear()
        groups: dict[Sampling, list[int]] = {}
        deciding = [i for i, request in enumerate(requests) if request.decide]
        yield from self._decide({i: requests[i] for i in deciding}, encoded, began)
        for index, request in enumerate(requests):
            if request.decide:
                continue
            groups.setdefault(request.sampling, []).append(index)
        for sampling, members in groups.items():
            rows = [encoded[i] for i in members]
            draws = [generator(requests[i].key).random(sampling.max_tokens) for i in members]
            limits = [self._choices(given) if (given := requests[i].choices) else None for i in members]
            for number, one in self._engine.generate(rows, draws, limits, sampling):
                yield (
                    members[number],
                    ModelAnswer(
                        text=self.model.text(one.tokens),
                        prompt_tokens=one.prompt,
                        tokens=one.tokens,
                        logprobs=one.logprobs,
                        finish=one.finish,
                        usage=Usage(
                            prompt=len(one.prompt),
                            completion=len(one.tokens),
                            cached=one.cached,
                            first_token=one.first - began,
                            seconds=time.perf_counter() - began,
                        ),
                    ),
                )

    def _decide(
        self, requests: Mapping[int, ModelRequest], encoded: Sequence[Any], began: float
    ) -> Iterator[tuple[int, ModelAnswer]]:
        """The answers of requests that decide, by their index in `encoded`.

        Every choice is a row of its own with its prompt, so what is promised of rows is true of its log-probability.
        """
        texts = {index: self._choices(request.choices).texts for index, request in requests.items()}
        every = [(index, number) for index, of in texts.items() for number in range(len(of))]
        given = [Given(texts[index][number]) for index, number in every]
        rows, unused = [encoded[index] for index, _ in every], [np.zeros(len(one.tokens)) for one in given]
        made: dict[int, dict[int, Generated]] = {index: {} for index in texts}
        for at, one in self._engine.generate(rows, unused, given, Sampling()):
            index, number = every[at]
            made[index][number] = one
            if len(made[index]) < len(texts[index]):
                continue
            request, of = requests[index], made.pop(index)
            scores = [of[number].logprobs for number in range(len(of))]
            found = decide(texts[index], scores, generator(request.key).random(), request.sampling)
            chosen = of[found.chosen]
            yield (
                index,
                ModelAnswer(
                    text=request.choices[found.chosen],
                    prompt_tokens=chosen.prompt,
                    tokens=chosen.tokens,
                    logprobs=found.logprobs,
                    finish=chosen.finish,
                    usage=Usage(
                        prompt=len(chosen.prompt),
                        completion=len(chosen.tokens),
                        cached=of[0].cached,
                        seconds=time.perf_counter() - began,
                    ),
                    chances=found.chances,
                ),
            )


def smaller(dtype: str) -> str:
    """What to do where a model does not fit."""
    return f"{'' if dtype == 'bfloat16' else f'say @dtype=bfloat16 (now {dtype}), or '}name a smaller model"
