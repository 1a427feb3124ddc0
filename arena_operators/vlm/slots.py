"""Decoding for models whose language part is a Llama (nano, SmolVLM, SmolLM2), on the CPU.

A row leaves when its answer ends, and the next one takes its place. An answer that begins as one to the same prompt did
goes on where that was computed, and how it goes on is guessed, so that a step computes several of its tokens. A row's
tokens depend only on its own prompt, pictures and draws: see llama.py and reader.py.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from arena_operators.vlm.backend import Message, Sampling
from arena_operators.vlm.choices import Choices, Given, Limit, kept, limited
from arena_operators.vlm.drafts import Drafts
from arena_operators.vlm.encoder import Encoder, Kept, Prompt
from arena_operators.vlm.generate import Generated
from arena_operators.vlm.llama import Llama, Part
from arena_operators.vlm.model import Model
from arena_operators.vlm.reader import Reader
from arena_operators.vlm.rows import Read, Row, Shelf
from arena_operators.vlm.sampling import draw, processed
from arena_operators.vlm.vision import FAMILIES, Tower

SLOTS = 32  # rows at once: the keys and values of more do not fit the processor's cache
AHEAD = 16  # prompts that are computed at once
MOST = 8  # tokens of a row in one step: one is drawn for certain, the others are guessed
GUESSES = 32  # of a step
FOLLOWS = 64  # tokens after which equal prompts no longer wait for the first one
SMALL = 1 << 14  # bytes of logits that are kept for every token


class Slots:
    """A model with what was kept for it. Make another one when the model's weights change."""

    def __init__(self, model: Model, batch: int) -> None:
        self.model = model
        self.slots = min(batch, SLOTS)
        inner = model.model.model
        head = model.model.get_output_embeddings().weight
        self.encoder = Encoder(model, Tower(inner) if model.sees and Tower.fits(inner) else None)
        self.llama = Llama(getattr(inner, "text_model", inner), head)
        self._banned = torch.from_numpy(model.banned(len(head)))
        self._shelves: dict[int, Shelf] = {}
        self._reader = Reader(self.encoder, self.llama)
        # After a prompt and the first tokens of an answer: the logits, and keys and values of the last of these tokens.
        self._answers: Kept[tuple[Tensor, Tensor]] = Kept()
        self._answered: Kept[bool] = Kept()  # prompts that `_answers` has answers to
        self._keeps = head[:, 0].nbytes <= SMALL
        self._drafts = Drafts()

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
        names = [prompt.beginning(prompt.length) for prompt in prompts]
        ready: dict[int, Read] = {}  # prompts that wait for a slot
        waiting = list(range(len(prompts)))
        while waiting or self._live():
            chosen = self._chosen(waiting, names)
            waiting = [index for index in waiting if index not in chosen]
            for index in chosen:
                if index not in ready:
                    some = [one for one in (*chosen, *waiting) if one not in ready][: min(AHEAD, self.slots)]
                    read = self._reader.read([prompts[one] for one in some])
                    ready.update(zip(some, read, strict=False))
            new = [
                Row(index, prompts[index].ids, names[index], uniforms[index], limits[index], ready.pop(index))
                for index in chosen
            ]
            over = self._begin(new, sampling)
            if self._live():
                over += self._step(sampling)
            for row in over:
                self._drafts.learn(row.tail, row.tokens)
                tokens, logprobs = np.array(row.tokens, np.int32), np.array(row.logprobs, np.float32)
                finish: Literal["stop", "length"] = "stop" if row.tokens[-1] in self.model.ends else "length"
                yield row.index, Generated(row.prompt, tokens, logprobs, finish, row.first, row.read.cached)

    def _chosen(self, waiting: Sequence[int], names: Sequence[Hashable]) -> list[int]:
        """Who of `waiting` takes a free slot: in order, but of equal prompts one goes first.

        The others follow when it has ended, or after `FOLLOWS` tokens: then most of their tokens are known.
        """
        room = self.slots - self._live()
        if not self._keeps:
            return list(waiting[:room])
        first = {row.name for shelf in self._shelves.values() for row in shelf.rows if len(row.tokens) < FOLLOWS}
        first = {name for name in first if not self._answered.get(name)}
        out: list[int] = []
        for index in waiting:
            if len(out) == room:
                break
            if (name := names[index]) not in first:
                out.append(index)
                if not self._answered.get(name):
                    first.add(name)
        return out

    def _live(self) -> int:
        return sum(len(shelf.rows) for shelf in self._shelves.values())

    def _shelf(self, place: int) -> Shelf:
        """The shelf of rows that put a token at `place`: of few lengths, none much longer than it has to be."""
        step = max(32, 1 << max(0, place.bit_length() - 3))
        length = (place // step + 1) * step
        if length not in self._shelves:
            self._shelves[length] = Shelf(self.llama, length)
        return self._shelves[length]

    @torch.inference_mode()
    def _begin(self, rows: Sequence[Row], sampling: Sampling) -> list[Row]:
        """Draws first tokens, and on as far as what follows was computed before.

        Rows that this ends are returned, the others stay on shelves.
        """
        over, logits = [], [row.read.logits for row in rows]
        while rows:
            over += self._drawn([(row, []) for row in rows], torch.stack(logits), sampling)
            going, logits = [], []
            for row in rows:
                if row in over:
                    continue
                if (found := self._answers.get((row.name, *row.tokens))) is not None:
                    going.append(row)
                    logits.append(found[0])
                    row.known.append(found[1])
                else:
                    self._shelve(row)
            rows = going
        return over

    def _shelve(self, row: Row) -> None:
        """The next tokens of `row` are to be computed."""
        shelf = self._shelf(row.place)
        slot = shelf.put(row)
        kept = shelf.cache[:, :, slot]
        kept[..., : len(row.prompt), :] = row.read.kept
        if row.known:
            kept[..., len(row.prompt) : row.place, :] = torch.stack(row.known, -2)

    def _keep(self, row: Row, places: Tensor) -> None:
        """Keeps what was computed for an answer that has ended.

        `places`: its keys and values (layers, 2, heads, places, dim).
        """
        self._answered.put(row.name, True, 1)
        start, first, last = len(row.prompt) - 1, 1 + len(row.known), len(row.tokens)
        if first >= last:
            return
        values = places[..., start + first : start + last, :].clone().unbind(-2)
        nbytes = row.logits[0].nbytes + values[0].nbytes
        for count, logits, one in zip(range(first, last), torch.stack(row.logits[first:]), values, strict=True):
            self._answers.put((row.name, *row.tokens[:count]), (logits, one), nbytes)

    @torch.inference_mode()
    def _step(self, sampling: Sampling) -> list[Row]:
        """At least one more token for every row. Returns the rows that have ended, which leave their shelves."""
        shelves = [shelf for shelf in self._shelves.values() if shelf.rows]
        most = min(MOST, 1 + GUESSES // self._live())
        guessed: list[tuple[Row, list[int]]] = []
        parts: list[Part] = []
        tokens: list[int] = []
        order: list[int] = []  # of the wanted tokens among all
        for shelf in shelves:
            mine = [(row, self._guesses(row, min(most, shelf.length - row.place))) for row in shelf.rows]
            count = 1 + max(len(guesses) for _, guesses in mine)
            places = []
            for row, guesses in mine:
                order += range(len(tokens), len(tokens) + 1 + len(guesses))
                spare = count - 1 - len(guesses)
                tokens += [row.tokens[-1], *guesses, *[0] * spare]
                places.append([*range(row.place, row.place + 1 + len(guesses)), *[shelf.length] * spare])
            parts.append(Part(shelf.cache, torch.tensor(places)))
            guessed += mine
        logits = self.llama.step(parts, torch.tensor(tokens))
        over = self._drawn(guessed, logits[torch.tensor(order)], sampling)
        gone = {row.index for row in over}
        for shelf in shelves:
            for slot in reversed(range(len(shelf.rows))):
                row = shelf.rows[slot]
                if row.index in gone:
                    if self._keeps:
                        self._keep(row, shelf.cache[:, :, slot])
                    shelf.take(slot)
                elif row.place == shelf.length:
                    longer = self._shelf(row.place)
                    to = longer.put(row)
                    longer.cache[:, :, to, :, : shelf.length] = shelf.cache[:, :, slot]
                    shelf.take(slot)
        return over

    def _guesses(self, row: Row, most: int) -> list[int]:
        """What follows the row's last token, by guess or because it is given: less than `most` tokens."""
        most = min(most, len(row.uniforms) - len(row.tokens)) - 1
        if isinstance(row.limit, Choices) or most < 1:
            return []
        if isinstance(row.limit, Given):
            return list(row.limit.tokens[len(row.tokens) : len(row.tokens) + most])
        return self._drafts.guess(row.tail, row.tokens, most)

    def _drawn(self, rows: Sequence[tuple[Row, list[int]]], logits: Tensor, sampling: Sampling) -> list[Row]:
        """Draws the next tokens of each row, of the logits after its last token and after each of its guesses.

        Those after the first wrong guess are of no use. Returns the rows that this ends.
        """
        ahead = [(row, guesses[:count]) for row, guesses in rows for count in range(1 + len(guesses))]
        bound = []
        if any(row.limit is not None for row, _ in rows):
            bound = [(row.limit, [*row.tokens, *guesses]) for row, guesses in ahead]
        logprobs = processed(logits, limited(self._banned, bound), sampling)
        uniforms = [row.uniforms[len(row.tokens) + len(guesses)] for row, guesses in ahead]
        drawn = kept(draw(logprobs, torch.tensor(uniforms, dtype=torch.float64), sampling.temperature == 0), bound)
        scores = logprobs.gather(1, drawn[:, None])[:, 0]
        found = iter(zip(drawn.tolist(), scores.tolist(), logits.unbind(), strict=True))
        over = []
        for row, guesses in rows:
            row.first = row.first or time.perf_counter()
            mine = [next(found) for _ in range(1 + len(guesses))]
            for (token, score, of), guess in zip(mine, [*guesses, None], strict=True):
                row.tokens.append(token)
                row.logprobs.append(score)
                if self._keeps:
                    row.logits.append(of)
                if token in self.model.ends or len(row.tokens) == len(row.uniforms):
                    over.append(row)
                    break
                if token != guess:
                    break
        return over
