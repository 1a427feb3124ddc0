"""Samples tokens by each turn's own key, so that neither batching nor order changes a draw."""

from __future__ import annotations

import torch
from torch import Tensor

from arena_operators.vlm.backend import Sampling


def processed(logits: Tensor, banned: Tensor, sampling: Sampling) -> Tensor:
    """The log-probabilities, float64 (rows, vocabulary), that are sampled; -inf: never.

    Left out are `banned` tokens (bool) and then, after division by the temperature, what min_p, top_k and top_p leave
    out, in this order (as vLLM does).
    Temperature 0 (greedy) gives those of temperature 1.
    """
    scores = logits.to(torch.float64).masked_fill(banned, -torch.inf)
    if sampling.temperature not in (0, 1):
        scores /= sampling.temperature
    if sampling.min_p > 0:
        chances = scores.softmax(-1)
        scores = scores.masked_fill(chances < sampling.min_p * chances.amax(-1, keepdim=True), -torch.inf)
    if 0 < sampling.top_k < scores.shape[-1]:
        least = scores.topk(sampling.top_k).values[:, -1:]
        scores = scores.masked_fill(scores < least, -torch.inf)
    if sampling.top_p < 1:
        ordered, order = scores.sort(descending=True, stable=True)
        chances = ordered.softmax(-1)
        # The smallest set of the likeliest tokens whose chances reach top_p: what comes before each is not enough yet.
        out = chances.cumsum(-1) - chances >= sampling.top_p
        scores = scores.masked_fill(out.scatter(-1, order, out), -torch.inf)
    return scores.log_softmax(-1)


def draw(logprobs: Tensor, uniforms: Tensor, greedy: bool) -> Tensor:
    """One token of each row of (rows, vocabulary): the likeliest, or by the inverse cumulative distribution.

    `uniforms`: float64 (rows,) in [0, 1). The tokens are int64 (rows,).
    """
    if greedy:
        return logprobs.argmax(-1)
    cumulative = logprobs.exp().cumsum(-1)
    total = cumulative[:, -1:]
    # Rounded up to the total, a draw would fall behind the last token that has a chance.
    wanted = (uniforms[:, None] * total).minimum(torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, wanted, right=True)[:, 0]
