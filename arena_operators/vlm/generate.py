"""A small cached decoding loop. A row's tokens depend only on its own prompt, picture and key:

every forward pass has a fixed number of rows and a length that follows from the bucket and the step, so no row can
tell which other rows, or how many, came with it. transformers' own `generate` costs several times as much a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from arena_operators.vlm.model import Model, Row
from arena_operators.vlm.sampling import draw, processed


@dataclass(frozen=True, slots=True)
class Generated:
    """The generated answer of one row."""

    prompt: npt.NDArray[np.int32]  # (prompt,) ids as the processor makes them: image tokens are in, padding is not
    tokens: npt.NDArray[np.int32]  # (answer,) ids, the end token included where it came
    logprobs: npt.NDArray[np.float32]  # (answer,) of the distribution that each was drawn from
    finish: Literal["stop", "length"]  # it ended by itself, or `uniforms` were used up


@torch.inference_mode()
def generate(
    model: Model, rows: Sequence[Row], uniforms: Sequence[npt.NDArray[np.float64]], size: int, temperature: float
) -> list[Generated]:
    """Answers `rows` (at most `size`, all of one shape). `uniforms`: a row's draws in [0, 1), one a token at most."""
    inputs = model.join(rows, size)
    mask = inputs.pop("attention_mask")
    limits = [len(row) for row in uniforms]
    tokens: list[list[int]] = [[] for _ in rows]
    logprobs: list[list[float]] = [[] for _ in rows]
    live = set(range(len(rows)))
    extra: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in model.takes else {}
    # Models with multimodal rotary embeddings (mrope) compute their own positions.
    own_positions = "position_ids" not in model.takes or hasattr(getattr(model.model, "model", None), "get_rope_index")
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    if not own_positions:
        extra["position_ids"] = positions
    out = model.model(**inputs, attention_mask=mask, use_cache=True, **extra)
    banned = model.banned(out.logits.shape[-1])
    position = positions[:, -1:]
    while True:
        scores = processed(out.logits[:, -1].float().cpu().numpy(), banned, temperature)
        following = np.full(size, model.pad, dtype=np.int64)
        for row in sorted(live):
            token = draw(scores[row], uniforms[row][len(tokens[row])], temperature == 0)
            tokens[row].append(token)
            logprobs[row].append(float(scores[row, token]))
            following[row] = token
            if token in model.ends or len(tokens[row]) == limits[row]:
                live.remove(row)
        if not live:
            break
        mask = torch.cat([mask, mask.new_ones(size, 1)], dim=1)
        position = position + 1
        if not own_positions:
            extra["position_ids"] = position
        step = torch.from_numpy(following).to(model.device)[:, None]
        out = model.model(
            input_ids=step, attention_mask=mask, past_key_values=out.past_key_values, use_cache=True, **extra
        )
    return [
        Generated(
            row.sequences["input_ids"][0].numpy().astype(np.int32),
            np.array(found, np.int32),
            np.array(scored, np.float32),
            "stop" if found[-1] in model.ends else "length",
        )
        for found, scored, row in zip(tokens, logprobs, rows, strict=True)
    ]
