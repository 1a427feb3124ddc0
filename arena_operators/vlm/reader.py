"""Computes prompts: their keys and values, and the logits after them. What was computed is kept for the next ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import torch
from torch import Tensor

from arena_operators.vlm.encoder import KEPT, Encoder, Kept, Prompt
from arena_operators.vlm.llama import Begun, Llama
from arena_operators.vlm.rows import Read

PIECE = 64  # tokens


class Reader:
    """The prompts that were read last.

    A prompt is looked at in pieces that end where its own pictures end and at multiples of `PIECE` tokens, whether what
    comes before was kept or not: so its numbers depend on itself alone.
    """

    def __init__(self, encoder: Encoder, llama: Llama) -> None:
        self._encoder, self._llama = encoder, llama
        self._whole: Kept[Read] = Kept()
        self._beginnings: Kept[Tensor] = Kept()  # keys and values (layers, 2, heads, tokens, dim)

    @torch.inference_mode()
    def read(self, prompts: Sequence[Prompt]) -> list[Read]:
        """The first of `prompts`, as many as fit into memory together and at least one, computed."""
        room = accumulate(self._llama.kept(1).nbytes * prompt.length for prompt in prompts)
        prompts = prompts[: max(1, sum(used <= KEPT // 2 for used in room))]
        names = [prompt.beginning(prompt.length) for prompt in prompts]
        found = {name: read for name in names if (read := self._whole.get(name)) is not None}
        new = {name: prompt for name, prompt in zip(names, prompts, strict=True) if name not in found}
        if new:
            begun = [self._begun(prompt) for prompt in new.values()]
            self._encoder.look(self._encoder.unseen(picture for prompt in new.values() for picture in prompt.pictures))
            embedded = [self._embedded(prompt, one.start) for prompt, one in zip(new.values(), begun, strict=True)]
            logits = self._llama.prefill(begun, torch.cat(embedded))
            for (name, prompt), one, after in zip(new.items(), begun, logits, strict=True):
                for end in one.ends[:-1]:
                    beginning = one.kept[..., :end, :].clone()
                    self._beginnings.put(prompt.beginning(end), beginning, beginning.nbytes)
                found[name] = Read(one.kept, after, one.start)
                self._whole.put(name, replace(found[name], cached=prompt.length), one.kept.nbytes + after.nbytes)
        return [found[name] for name in names]

    def _begun(self, prompt: Prompt) -> Begun:
        """What is kept of the prompt's beginning, and what is left to compute."""
        count = prompt.length
        pieces = sorted({end for end in (*prompt.ends(), *range(PIECE, count, PIECE)) if end < count})
        kept = self._llama.kept(count)
        start = 0
        for end in reversed(pieces):
            if (beginning := self._beginnings.get(prompt.beginning(end))) is not None:
                kept[..., :end, :] = beginning
                start = end
                break
        return Begun(kept, start, [*(end for end in pieces if end > start), count])

    def _embedded(self, prompt: Prompt, start: int) -> Tensor:
        """The embeddings (tokens, width) of the prompt from `start` on."""
        hidden: Tensor = self._llama.embedding[torch.from_numpy(prompt.ids[start:]).long()]
        first = 0  # of the image tokens before this picture's
        for picture, size in zip(prompt.pictures, prompt.sizes, strict=True):
            places = prompt.places[first : first + size]
            if (inside := places >= start).any():
                features = self._encoder.features(picture)
                hidden[torch.from_numpy(places[inside] - start)] = features[torch.from_numpy(inside)]
            first += size
        return hidden
