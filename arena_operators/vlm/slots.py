"""Decoding for models whose language part is a Llama (nano, SmolVLM, SmolLM2), on the CPU.

A row leaves when its answer ends, and the next one takes its place. What was computed for a prompt's beginning is kept
for the next prompt that begins so. A row's tokens depend only on its own prompt, pictures and draws (see llama.py): a
prompt is computed in pieces that end where its own pictures end and at multiples of `PIECE` tokens, kept or not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from arena.operator import Ids
from arena_operators.vlm.backend import Message, Sampling
from arena_operators.vlm.choices import Limit, kept, limited
from arena_operators.vlm.encoder import Encoder, Kept, Prompt
from arena_operators.vlm.generate import Generated
from arena_operators.vlm.llama import Llama
from arena_operators.vlm.model import Model
from arena_operators.vlm.sampling import draw, processed

SLOTS = 32  # rows at once: the keys and values of more do not fit the processor's cache
PIECE = 64  # tokens
FAMILIES = ("idefics3", "smolvlm")


@dataclass(slots=True)
class _Row:
    """An answer in the making."""

    index: int
    prompt: Ids
    uniforms: npt.NDArray[np.float64]
    limit: Limit
    cached: int = 0
    first: float = 0.0  # when its first token was there
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @property
    def place(self) -> int:
        """Of its last token."""
        return len(self.prompt) + len(self.tokens) - 1


class _Shelf:
    """The keys and values of rows that look back over `length` places."""

    def __init__(self, llama: Llama, length: int) -> None:
        self.length = length
        self.cache = llama.cache(1, length)
        self.rows: list[_Row] = []

    def put(self, row: _Row) -> int:
        """The number of its slot."""
        if len(self.rows) == self.cache.shape[2]:
            self.cache = torch.cat([self.cache, torch.zeros_like(self.cache)], 2)
        self.rows.append(row)
        return len(self.rows) - 1

    def take(self, slot: int) -> None:
        """The row is gone; the last one moves into its slot."""
        last = self.rows.pop()
        if slot < len(self.rows):
            self.cache[:, :, slot] = self.cache[:, :, len(self.rows)]
            self.rows[slot] = last


class Slots:
    """A model with what was kept for it. Make another one when the model's weights change."""

    def __init__(self, model: Model, batch: int) -> None:
        self.model = model
        self.slots = min(batch, SLOTS)
        self.encoder = Encoder(model)
        inner = model.model.model
        head = model.model.get_output_embeddings().weight
        self.llama = Llama(getattr(inner, "text_model", inner), head, single=batch == 1)
        self._banned = torch.from_numpy(model.banned(len(head)))
        self._shelves: dict[int, _Shelf] = {}
        self._beginnings: Kept = Kept()

    @staticmethod
    def fits(model: Model) -> bool:
        """Whether `model` can run so."""
        inner = model.model.model
        if hasattr(inner, "text_model") and model.model.config.model_type not in FAMILIES:
            return False
        return model.device == "cpu" and Llama.fits(getattr(inner, "text_model", inner))

    @torch.inference_mode()
    def encode(self, messages: Sequence[Message]) -> Prompt:
        """As Encoder.encode."""
        return self.encoder.encode(messages)

    def generate(
        self,
        prompts: Sequence[Prompt],
        uniforms: Sequence[npt.NDArray[np.float64]],
        limits: Sequence[Limit],
        sampling: Sampling,
    ) -> Iterator[tuple[int, Generated]]:
        """(index, answer) of each prompt, as they end. `uniforms`: a row's draws in [0, 1), one a token at most."""
        for shelf in self._shelves.values():
            shelf.rows.clear()  # of a call that was not read to its end
        begun = 0
        while begun < len(prompts) or self._live():
            over = []
            while begun < len(prompts) and self._live() < self.slots:
                row = _Row(begun, prompts[begun].ids, uniforms[begun], limits[begun])
                over += self._begin(row, prompts[begun], sampling)
                begun += 1
            if self._live():
                over += self._step(sampling)
            for row in over:
                tokens, logprobs = np.array(row.tokens, np.int32), np.array(row.logprobs, np.float32)
                yield (
                    row.index,
                    Generated(
                        row.prompt,
                        tokens,
                        logprobs,
                        "stop" if row.tokens[-1] in self.model.ends else "length",
                        row.first,
                        row.cached,
                    ),
                )

    def _live(self) -> int:
        return sum(len(shelf.rows) for shelf in self._shelves.values())

    def _shelf(self, place: int) -> _Shelf:
        """The shelf of rows that put a token at `place`: of few lengths, none much longer than it has to be."""
        step = max(32, 1 << max(0, place.bit_length() - 3))
        length = (place // step + 1) * step
        if length not in self._shelves:
            self._shelves[length] = _Shelf(self.llama, length)
        return self._shelves[length]

    @torch.inference_mode()
    def _begin(self, row: _Row, prompt: Prompt, sampling: Sampling) -> list[_Row]:
        """Computes the prompt and draws the first token. The row stays on a shelf, or is returned if that ended it."""
        shelf = self._shelf(len(prompt.ids))
        slot = shelf.put(row)
        over = self._drawn([row], self._prefilled(row, prompt, shelf.cache, slot), sampling)
        if over:
            shelf.take(slot)
        return over

    def _prefilled(self, row: _Row, prompt: Prompt, cache: Tensor, slot: int) -> Tensor:
        """The logits (1, vocabulary) after the prompt; its keys and values are in `cache` then."""
        count = len(prompt.ids)
        pieces = sorted({end for end in (*prompt.ends(), *range(PIECE, count, PIECE)) if end < count})
        start, ahead = 0, list(pieces)
        for end in reversed(pieces):
            if (kept := self._beginnings.get(prompt.beginning(end))) is not None:
                cache[:, :, slot, :, :end] = kept
                start = row.cached = end
                ahead = [later for later in pieces if later > end]
                break
        for end in ahead:
            self.llama.prefill(cache, slot, start, self._embedded(prompt, start, end), last=False)
            self._beginnings.put(prompt.beginning(end), cache[:, :, slot, :, :end].clone())
            start = end
        logits = self.llama.prefill(cache, slot, start, self._embedded(prompt, start, count), last=True)
        assert logits is not None
        return logits

    def _embedded(self, prompt: Prompt, start: int, end: int) -> Tensor:
        """The embeddings (tokens, width) of a piece of the prompt."""
        ids = prompt.ids[start:end]
        hidden: Tensor = self.llama.embedding[torch.from_numpy(ids).long()]
        first = 0  # of the image tokens before this picture's
        for picture, size in zip(prompt.pictures, prompt.sizes, strict=True):
            places = prompt.places[first : first + size]
            inside = (places >= start) & (places < end)
            if inside.any():
                features = self.encoder.features(picture)
                hidden[torch.from_numpy(places[inside] - start)] = features[torch.from_numpy(inside)]
            first += size
        return hidden

    @torch.inference_mode()
    def _step(self, sampling: Sampling) -> list[_Row]:
        """One more token for every row. Returns the rows that have ended, which leave their shelves."""
        shelves = [shelf for shelf in self._shelves.values() if shelf.rows]
        rows = [row for shelf in shelves for row in shelf.rows]
        parts = [(shelf.cache, torch.tensor([row.place for row in shelf.rows])) for shelf in shelves]
        logits = self.llama.step(parts, torch.tensor([row.tokens[-1] for row in rows]))
        over = self._drawn(rows, logits, sampling)
        gone = {row.index for row in over}
        for shelf in shelves:
            for slot in reversed(range(len(shelf.rows))):
                row = shelf.rows[slot]
                if row.index in gone:
                    shelf.take(slot)
                elif row.place == shelf.length:
                    longer = self._shelf(row.place)
                    to = longer.put(row)
                    longer.cache[:, :, to, :, : shelf.length] = shelf.cache[:, :, slot]
                    shelf.take(slot)
        return over

    def _drawn(self, rows: Sequence[_Row], logits: Tensor, sampling: Sampling) -> list[_Row]:
        """Draws each row's next token of its logits. Returns the rows that this ends."""
        bound = [(row.limit, row.tokens) for row in rows]
        logprobs = processed(logits, limited(self._banned, bound), sampling)
        uniforms = torch.tensor([row.uniforms[len(row.tokens)] for row in rows], dtype=torch.float64)
        drawn = kept(draw(logprobs, uniforms, sampling.temperature == 0), bound)
        scores = logprobs.gather(1, drawn[:, None])[:, 0].tolist()
        over = []
        for row, token, score in zip(rows, drawn.tolist(), scores, strict=True):
            row.first = row.first or time.perf_counter()
            row.tokens.append(token)
            row.logprobs.append(score)
            if token in self.model.ends or len(row.tokens) == len(row.uniforms):
                over.append(row)
        return over
