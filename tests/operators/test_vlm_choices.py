"""`@choices=true` in the embedded backend: an answer is one of the legal actions, by their chances in the model."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")

import torch

from arena.operator import WorkerContext
from arena_operators.vlm.backend import Message, ModelRequest, Sampling
from arena_operators.vlm.choices import Choices, limited
from arena_operators.vlm.generate import Batches
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import answers, foreign, lessons


class Letters:
    """Stands for a tokenizer: a token is a letter's number."""

    def __call__(self, text, add_special_tokens):
        return {"input_ids": [ord(letter) for letter in text]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return foreign(tmp_path_factory.mktemp("foreign") / "model")


@pytest.fixture(scope="module")
def taught():
    return [*lessons("kuhn", 4), *lessons("holdem", 4)]


def asked(folder, **options):
    return make(WorkerContext(str(folder), {"batch": 4, "prompt": "short", "choices": True, **options}))


def test_a_choice_that_another_begins_with_may_end_or_go_on():
    choices = Choices(["bet", "bets", "call"], Letters(), 0)
    assert choices.following([]) == [ord("b"), ord("c")]
    assert choices.following([ord(letter) for letter in "bet"]) == [0, ord("s")]
    assert choices.following([ord(letter) for letter in "call"]) == [0]


def test_rows_without_choices_keep_what_is_banned_for_all():
    banned = torch.arange(256) == 7
    left = limited(banned, [(None, ()), (Choices(["ab"], Letters(), 0), [ord("a")])])
    assert left[0].equal(banned)
    assert (~left[1]).nonzero()[:, 0].tolist() == [ord("b")]


def test_a_model_of_random_weights_plays_without_a_fault(folder, taught):
    given = answers(asked(folder), taught)
    for lesson, decision in zip(taught, given, strict=True):
        assert decision.answer in [lesson.card.actions[action] for action in lesson.observation.legal]
        assert (decision.fault, decision.thought or None, decision.finish_reason) == (None, None, "stop")
    assert len({decision.answer for decision in given}) > 1


def test_other_models_take_the_same_way(folder, taught):
    operator = asked(folder, temperature=0.0)
    wanted = answers(operator, taught)
    operator.backend._engine = Batches(operator.backend.model, 4)
    assert [one.answer for one in answers(operator, taught)] == [one.answer for one in wanted]


def test_a_row_with_choices_changes_no_bit_of_one_without(folder):
    def request(number, choices=()):
        said = (Message("user", ("Which move?",)),)
        return ModelRequest(messages=said, key=bytes([number]) * 16, sampling=Sampling(max_tokens=20), choices=choices)

    backend = asked(folder).backend
    free = [request(number) for number in range(4)]
    alone = {i: answer.logprobs.tobytes() for i, answer in backend.generate(free)}
    mixed = {i: answer for i, answer in backend.generate([*free, request(8, ("Answer: call", "Answer: I think"))])}
    assert {i: mixed[i].logprobs.tobytes() for i in range(4)} == alone
    assert mixed[4].text in ("Answer: call", "Answer: I think")
