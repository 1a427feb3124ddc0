"""Which of the legal actions is taken: by the chance that the model writes each of them, without any text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from arena_operators.vlm.backend import Sampling
from arena_operators.vlm.sampling import draw, processed


@dataclass(frozen=True, slots=True)
class Decided:
    """A choice between texts."""

    chosen: int
    chances: tuple[float, ...]  # of each text at temperature 1; their sum is 1
    logprobs: npt.NDArray[np.float32]  # (answer,) of the chosen text's tokens


def decide(
    texts: Sequence[tuple[int, ...]],
    scores: Sequence[npt.NDArray[np.float32]],
    uniform: float,
    sampling: Sampling,
) -> Decided:
    """Takes one of `texts` (tokens) by `scores`, the log-probability of each of their tokens after those before it.

    The chance of a text is the product of its tokens' probabilities, over the sum of those of all texts. One is drawn
    from the chances at the sampling's temperature by `uniform` in [0, 1), or is the likeliest at temperature 0.

    `logprobs` are as limited answers (`choices`) have them: of each token at that temperature, over the tokens that
    may follow there. Where texts part more than once, or end differently, their sum is not the log of the chance.
    """
    totals = torch.tensor([[float(one.sum(dtype=np.float64)) for one in scores]], dtype=torch.float64)
    every = torch.zeros(len(texts), dtype=torch.bool)
    chances = processed(totals, every, Sampling()).exp()[0]
    uniforms = torch.tensor([uniform], dtype=torch.float64)
    chosen = int(draw(processed(totals, every, sampling), uniforms, sampling.temperature == 0))
    heat, tokens, logprobs = sampling.temperature or 1.0, texts[chosen], []
    for at in range(len(tokens)):
        following = {
            text[at]: float(score[at]) / heat
            for text, score in zip(texts, scores, strict=True)
            if len(text) > at and text[:at] == tokens[:at]
        }
        logprobs.append(following[tokens[at]] - np.logaddexp.reduce(list(following.values())))
    return Decided(chosen, tuple(chances.tolist()), np.array(logprobs, np.float32))
