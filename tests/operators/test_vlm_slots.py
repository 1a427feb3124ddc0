"""Decoding row by row: nothing that is kept, and nobody who leaves or comes, changes a bit of an answer."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("transformers")

from arena.canonical import key
from arena.operator import WorkerContext
from arena_operators.vlm.backend import Message, ModelRequest, Picture, Sampling, TooLongError
from arena_operators.vlm.drafts import Drafts
from arena_operators.vlm.embedded import TransformersBackend
from arena_operators.vlm.encoder import Kept
from arena_operators.vlm.generate import Batches
from arena_operators.vlm.llama import Llama
from arena_operators.vlm.operator import make
from arena_operators.vlm.slots import Slots
from arena_operators.vlm.vision import Tower
from tests.operators.vlm_kit import foreign

SAMPLING = Sampling(max_tokens=45)


def backend(folder, batch=8):
    return make(WorkerContext(str(folder), {"batch": batch})).backend


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return foreign(tmp_path_factory.mktemp("foreign") / "model")


@pytest.fixture(scope="module")
def asked():
    """Prompts of up to two pictures and 250 tokens; the pictures are few, and some prompts begin alike."""
    chance = np.random.default_rng(5)
    pictures = [Picture(chance.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(3)]
    words = [f"You play a game. Which move? {'I think. ' * count}" for count in (0, 1, 24, 50)]
    parts = [
        *((pictures[i % 3], word) for i in range(2) for word in words),
        *((pictures[0], "Which?", pictures[i], word) for i in range(3) for word in words[1:]),
        *((word,) for word in words),
    ]
    return [
        ModelRequest(messages=(Message("user", one),), key=key("slots", i), sampling=SAMPLING)
        for i, one in enumerate(parts)
    ]


def answers(made, requests):
    """The bytes of every answer, by key."""
    given = {requests[i].key: answer for i, answer in made.generate(requests)}
    return {one: (a.tokens.tobytes(), a.logprobs.tobytes(), a.prompt_tokens.tobytes()) for one, a in given.items()}


@pytest.fixture(scope="module")
def alone(folder, asked):
    """Each answered by itself, by a backend that kept nothing."""
    model, out = backend(folder).model, {}
    for request in asked:
        out |= answers(TransformersBackend(model, 8), [request])
    return out


def test_answers_end_at_different_times_and_prompts_need_different_lengths(alone):
    assert len({len(tokens) for tokens, _, _ in alone.values()}) > 3
    assert len({len(prompt) // 4 // 64 for _, _, prompt in alone.values()}) > 2


@pytest.mark.parametrize("batch", [2, 8, 32])
def test_rows_that_come_and_go_change_no_bit(folder, asked, alone, batch):
    assert answers(backend(folder, batch), asked) == alone


def test_what_was_kept_changes_no_bit(folder, asked, alone):
    made = backend(folder)
    answers(made, asked[::-1])
    assert answers(made, asked) == alone


def test_usage_says_what_was_kept(folder, asked):
    made = backend(folder)
    assert next(made.generate(asked[:1]))[1].usage.cached == 0
    again = next(made.generate(asked[:1]))[1].usage
    assert again.cached == again.prompt
    other = next(made.generate([asked[1]]))[1].usage  # the same picture, and more words
    assert 0 < other.cached < other.prompt


def test_what_does_not_fit_into_the_context_is_known_before_it_is_asked(folder, asked, monkeypatch):
    made = backend(folder)
    most = dict(made.generate(asked[:1]))[0].usage.prompt + SAMPLING.max_tokens
    for context, fits in ((most, nullcontext()), (most - 1, pytest.raises(TooLongError))):
        monkeypatch.setattr(made.model.model.config.text_config, "max_position_embeddings", context)
        with fits as error:
            made.check_fits(asked[0])
        assert made.capabilities().context == context
    for number in (most - SAMPLING.max_tokens, SAMPLING.max_tokens, most - 1):
        assert f"{number:,}" in str(error.value)


@pytest.mark.parametrize("engine", [Slots, Batches], ids=["Slots", "Batches"])
def test_usage_says_when_the_first_token_came(folder, asked, engine):
    made = backend(folder)
    made._engine = engine(made.model, 2)
    for _, answer in made.generate(asked[:5]):
        assert 0 < answer.usage.first_token <= answer.usage.seconds


def test_a_call_that_was_not_read_to_its_end_leaves_nothing_behind(folder, asked, alone):
    made = backend(folder)
    next(made.generate(asked))
    assert answers(made, asked[:5]) == {one.key: alone[one.key] for one in asked[:5]}


def test_a_picture_is_encoded_once(folder, asked, monkeypatch):
    made, seen = backend(folder), []
    features = Tower.features
    monkeypatch.setattr(Tower, "features", lambda tower, tiles: seen.append(len(tiles)) or features(tower, tiles))
    answers(made, asked)
    answers(made, asked)
    assert sum(seen) == 3


def test_equal_prompts_are_answered_each_by_its_own_draws(folder, asked):
    """Where one went first the others go on from what it computed, until they draw another token."""
    many = [replace(asked[i % 3], key=key("equal", i)) for i in range(36)]
    together = answers(backend(folder), many)
    for request in many[::7]:
        assert answers(backend(folder), [request]).items() <= together.items()


@pytest.mark.parametrize("guess", ["nothing", "wrong", "right"])
def test_guesses_change_no_bit(folder, asked, alone, monkeypatch, guess):
    tokens = {prompt[-24:]: np.frombuffer(made, np.int32).tolist() for made, _, prompt in alone.values()}  # 6 ids
    right = {
        "nothing": lambda _, prompt, made, most: [],
        "wrong": lambda _, prompt, made, most: [7] * most,
        "right": lambda _, prompt, made, most: tokens[np.array(prompt, np.int32).tobytes()][len(made) :][:most],
    }
    monkeypatch.setattr(Drafts, "guess", right[guess])
    assert answers(backend(folder), asked) == alone


def test_right_guesses_save_passes(folder, asked, monkeypatch):
    made, steps = backend(folder), []
    step = Llama.step
    monkeypatch.setattr(Llama, "step", lambda *given: steps.append(1) or step(*given))
    answers(made, asked[:1])
    first = len(steps)
    made._engine._answers = Kept()  # what was computed is gone, and what was learnt is not
    answers(made, asked[:1])
    assert 0 < len(steps) - first < first / 2
