"""A turn whose prompt is another one to the trainer is named, by a reason that can be counted."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from arena.errors import InputError
from arena.train.vlm import engines, retokenised
from arena.train.vlm.config import load
from arena.train.vlm.matches import RolloutConfig, base_plan

IMAGE = 9


def ids(*tokens: int) -> np.ndarray:
    return np.array(tokens, np.int32)


@pytest.mark.parametrize(
    ("prompt", "encoded", "reason"),
    [
        (ids(1, 9, 9, 2), ids(1, 9, 9, 2), None),
        (ids(1, 9, 9, 2), ids(1, 9, 9, 9, 2), "its prompt has 2 placeholders of pictures where the trainer has 3"),
        (ids(1, 9, 2, 3), ids(1, 9, 2), "the trainer encodes its prompt otherwise"),
        (ids(1, 9, 2), ids(9, 1, 2), "the trainer encodes its prompt otherwise"),
    ],
)
def test_a_prompt_that_the_trainer_has_otherwise_is_named(prompt, encoded, reason):
    assert retokenised.flaw(prompt, encoded, IMAGE) == reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("@url=http://localhost:8000/v1@model=toy", "no weights are sent to a server that was started elsewhere"),
        ("@backend=vllm@device=cpu", "cannot be given weights.*say @lora=true"),
    ],
)
def test_a_server_that_takes_no_weights_is_refused_when_the_config_is_read(options, words):
    pytest.importorskip("aiohttp")
    with pytest.raises(InputError, match=words):
        base_plan(RolloutConfig(levels=("leduc",), operator=f"vlm:nano{options}"))


def test_prompts_of_a_served_model_are_encoded_by_the_trainer_and_those_of_its_own_are_not(tmp_path):
    pytest.importorskip("peft")
    settings = ("model.dtype=float32",)
    config = load(None, None, settings, ("leduc",))
    tokens = engines.make(config, tmp_path)[1]
    assert tokens.encode is None
    operator = replace(config.rollout, operator="vlm:nano@backend=vllm@lora=true@device=cpu")
    tokens = engines.make(replace(config, rollout=operator), tmp_path)[1]
    chat = [("user", [np.zeros((128, 128, 3), np.uint8), "Leduc. Legal: call, raise."])]
    encoded = pickle.loads(pickle.dumps(tokens)).encode(chat)
    assert np.array_equal(encoded, tokens.encode(chat))
    assert (encoded == tokens.image).sum() > 1
