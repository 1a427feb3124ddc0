"""Counted operations are those that torch counts."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForImageTextToText, LlamaConfig

from arena.train.vlm import flops
from arena_operators.vlm.checkpoint import SHIPPED


def model():
    made = AutoModelForImageTextToText.from_pretrained(SHIPPED, dtype=torch.float32, attn_implementation="eager")
    return made.train()


def counted(made, rows, length, back):
    ids = torch.full((rows, length), 20)
    ids[:, 1:17] = made.config.image_token_id
    with FlopCounterMode(display=False) as counter:
        out = made(input_ids=ids, pixel_values=torch.rand(rows, 1, 3, 128, 128), use_cache=False).logits
        if back:
            out.sum().backward()
    return counter.get_total_flops()


def test_a_forward_pass():
    made = model()
    assert counted(made, 3, 70, back=False) == 3 * flops.forward(made.config, 70, 70, pictures=1)


def test_an_update_of_all_weights():
    made = model()
    found = counted(made, 2, 70, back=True)
    assert found == pytest.approx(2 * flops.update(made.config, 70, 70, pictures=1), rel=0.01)


def test_only_scored_tokens_and_pictures_that_are_there_count():
    config = model().config
    whole, less = flops.forward(config, 70, 70, 1), flops.forward(config, 70, 10, 1)
    assert whole - less == 2 * 60 * config.text_config.hidden_size * config.text_config.vocab_size
    assert whole - flops.forward(config, 70, 70) == flops.tower(config)


def test_another_family_is_refused():
    config = LlamaConfig()
    config.model_type = "other"
    with pytest.raises(ValueError, match="other are not known"):
        flops.forward(config, 1, 1)
