"""Rows for tests of engines, made by nano itself or by chance."""

from __future__ import annotations

import functools

import numpy as np

from arena.operator import WorkerContext
from arena.train.vlm.engine import Datum
from arena_operators.vlm.backend import Picture
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import decided, foreign, lessons, requests


@functools.cache
def asked(count=6):
    """(seats, requests) of two games: prompts of several lengths."""
    return requests([*lessons("leduc", count // 2), *lessons("holdem", count - count // 2)])


def answered(what="", path=None, count=6, **options):
    """What an operator answered in float32, as (data, its log-probabilities)."""
    operator = make(WorkerContext(what, {"threads": 1, "temperature": 1.0, "device": "cpu", **options}))
    if path is not None:
        operator.backend.update(str(path))
    seats, questions = asked(count)
    operator.open(seats)
    made = decided(operator, questions)
    token = operator.backend.model.model.config.image_token_id
    data = [
        datum(one.prompt_tokens, one.tokens, question.observation.image, token)
        for one, question in zip(made, questions, strict=True)
    ]
    return data, [one.logprobs for one in made]


def datum(prompt, response, image, token):
    places = np.flatnonzero(prompt == token)
    assert len(places) == len(range(places[0], places[-1] + 1))
    return Datum(
        prompt=prompt.astype(np.int32),
        response=response.astype(np.int32),
        images=(image,),
        spans=((int(places[0]), len(places)),),
    )


def drawn(learner, count=9):
    """Rows of random tokens and pictures, of a few lengths."""
    chance = np.random.default_rng(3)
    allowed, image = np.flatnonzero(~learner.banned()), learner.image_token
    out = []
    for at in range(count):
        prompt = np.concatenate([[1], np.full(16, image), chance.choice(allowed, 10 + 9 * (at % 3))]).astype(np.int32)
        response = chance.choice(allowed, 3 + at % 4).astype(np.int32)
        out.append(datum(prompt, response, chance.integers(0, 256, (128, 128, 3), dtype=np.uint8), image))
    return out


def weighted(data, **more):
    """The same with the inputs that losses need; every token counts alike."""
    total = sum(len(one.response) for one in data)
    out = []
    for one in data:
        size = len(one.response)
        inputs = {"weight": np.full(size, 1 / total, np.float32)}
        inputs |= {name: np.asarray(value, np.float32) for name, value in more.items()}
        out.append(Datum(prompt=one.prompt, response=one.response, images=one.images, spans=one.spans, inputs=inputs))
    return out


__all__ = ["Picture", "answered", "asked", "datum", "drawn", "foreign", "weighted"]
