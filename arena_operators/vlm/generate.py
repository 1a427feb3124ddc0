"""A small cached decoding loop for any model that transformers loads.

A row's tokens depend only on its own prompt, picture and key: every forward pass has a fixed number of rows and a
length that follows from the bucket and the step, so no row can tell which other rows, or how many, came with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from arena.operator import Ids
from arena_operators.vlm.backend import Message, Sampling
from arena_operators.vlm.choices import Limit, kept, limited
from arena_operators.vlm.model import Model, Row
from arena_operators.vlm.sampling import draw, processed

Uniforms = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Generated:
    """The generated answer of one row."""

    prompt: Ids  # (prompt,) ids as the processor makes them: image tokens are in, padding is not
    tokens: Ids  # (answer,) ids, the end token included where it came
    logprobs: npt.NDArray[np.float32]  # (answer,) of the distribution that each was drawn from
    finish: Literal["stop", "length"]  # it ended by itself, or its draws were used up
    first: float  # when its first token was there, in seconds as time.perf_counter() gives them
    cached: int = 0  # tokens of the prompt that were computed before and kept


class Batches:
    """Any model, `size` rows of one shape at a time."""

    def __init__(self, model: Model, size: int) -> None:
        self.model = model
        self.size = size

    def encode(self, messages: Sequence[Message]) -> Row:
        """As the model's processor does."""
        return self.model.encode(messages)

    def generate(
        self,
        rows: Sequence[Row],
        uniforms: Sequence[Uniforms],
        limits: Sequence[Limit],
        sampling: Sampling,
    ) -> Iterator[tuple[int, Generated]]:
        """(index, answer) of each row, as they end. `uniforms`: a row's draws in [0, 1), one a token at most."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for index, row in enumerate(rows):
            groups.setdefault(row.shape(), []).append(index)
        for members in groups.values():
            for start in range(0, len(members), self.size):
                part = members[start : start + self.size]
                given = [rows[i] for i in part], [uniforms[i] for i in part], [limits[i] for i in part]
                made = generate(self.model, *given, self.size, sampling)
                yield from zip(part, made, strict=True)


@torch.inference_mode()
def generate(
    model: Model,
    rows: Sequence[Row],
    uniforms: Sequence[Uniforms],
    limits: Sequence[Limit],
    size: int,
    sampling: Sampling,
) -> list[Generated]:
    """Answers `rows` (at most `size`, all of one shape). `uniforms`: a row's draws in [0, 1), one a token at most."""
    inputs = model.join(rows, size)
    mask = inputs.pop("attention_mask")
    most = [len(row) for row in uniforms]
    tokens: list[list[int]] = [[] for _ in rows]
    logprobs: list[list[float]] = [[] for _ in rows]
    live = set(range(len(rows)))
    extra: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in model.takes else {}
    inner: Any = getattr(model.model, "model", None)
    # With multimodal rotary embeddings the model places pictures itself, and says how much that moves what follows.
    placed = hasattr(inner, "get_rope_index") and bool(rows[0].others)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    if "position_ids" in model.takes and not placed:
        extra["position_ids"] = positions
    room = torch.nn.functional.pad(mask, (0, max(most)), value=1)  # each step sees more of it
    out = model.model(**inputs, attention_mask=mask, use_cache=True, **extra)
    banned = torch.from_numpy(model.banned(out.logits.shape[-1])).to(model.device)
    draws = torch.zeros(size, max(most), dtype=torch.float64)
    for row, given in enumerate(uniforms):
        draws[row, : len(given)] = torch.from_numpy(given)
    draws = draws.to(model.device)
    first = 0.0
    position, length = positions[:, -1:], mask.shape[1]
    if placed:
        position = position + inner.rope_deltas
    for step in range(max(most)):
        bound: list[tuple[Limit, Sequence[int]]] = [
            (limits[row] if row in live else None, tokens[row]) for row in range(len(rows))
        ]
        bound += [(None, [])] * (size - len(rows))
        scores = processed(out.logits[:, -1], limited(banned, bound), sampling)
        drawn = kept(draw(scores, draws[:, step], sampling.temperature == 0), bound)
        chosen = scores.gather(1, drawn[:, None])[:, 0].tolist()
        ids = drawn.tolist()
        first = first or time.perf_counter()
        for row in sorted(live):
            tokens[row].append(token := ids[row])
            logprobs[row].append(chosen[row])
            if token in model.ends or len(tokens[row]) == most[row]:
                live.remove(row)
        if not live:
            break
        position = position + 1
        if "position_ids" in model.takes:
            extra["position_ids"] = position[None].expand(3, -1, -1) if placed else position
        out = model.model(
            input_ids=drawn[:, None],
            attention_mask=room[:, : length + step + 1],
            past_key_values=out.past_key_values,
            use_cache=True,
            **extra,
        )
    return [
        Generated(
            row.sequences["input_ids"][0].numpy().astype(np.int32),
            np.array(found, np.int32),
            np.array(scored, np.float32),
            "stop" if found[-1] in model.ends else "length",
            first,
        )
        for found, scored, row in zip(tokens, logprobs, rows, strict=True)
    ]
