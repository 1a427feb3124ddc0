"""Samples tokens by each turn's own key, so that neither batching nor order changes a draw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def processed(logits: npt.NDArray[np.float32], banned: npt.NDArray[np.bool_], temperature: float) -> Floats:
    """The log-probabilities (rows, vocabulary) that are sampled: without banned tokens, divided by `temperature`.

    Temperature 0 (greedy) gives those of temperature 1.
    """
    scaled: Floats = np.where(banned, -np.inf, logits.astype(np.float64) / (temperature or 1.0))
    scaled -= scaled.max(axis=-1, keepdims=True)
    total: Floats = np.exp(scaled).sum(axis=-1, keepdims=True)
    return scaled - np.log(total)


def draw(logprobs: Floats, uniform: float, greedy: bool) -> int:
    """One token of a row (vocabulary,): the likeliest, or by the inverse cumulative distribution at `uniform`."""
    if greedy:
        return int(logprobs.argmax())
    cumulative = np.cumsum(np.exp(logprobs))
    token = int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
    if token >= len(cumulative) or logprobs[token] == -np.inf:  # `uniform` was rounded up to the end
        token = int(np.flatnonzero(logprobs > -np.inf)[-1])
    return token
