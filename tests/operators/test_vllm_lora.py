"""Adapters, and what is asked of them, are checked against the model before a server starts or loads anything."""

from __future__ import annotations

import pytest

from arena.errors import InputError
from arena_operators.vlm import checkpoint, options
from arena_operators.vlm.lora import rank
from arena_operators.vlm.vllm_launch import launch
from tests.operators.test_vllm_launch import adapter

NANO = checkpoint.source("nano")
LAYER = "model.text_model.layers.0.mlp.up_proj"


def started(**given):
    asked = {"backend": "vllm", "device": "cpu", "lora": True, **given}
    options.check("nano", asked, "vlm")
    return launch(NANO, options.filled("nano", asked, "vlm")).options


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.layers.0.mlp.up_proj", "as a model that only reads does.* is model.text_model.layers.0.mlp.up_proj"),
        ("model.text_model.layers.99.mlp.up_proj", "which the model has not: it was made for another one"),
        ("model.text_model.layers.0.self_attn.q_proj", "512 outputs, and the model's has 192"),
        ("lm_head", "changes its embedding of words"),
        ("model.connector.modality_projection.proj", "changes the part of the model that sees"),
    ],
)
def test_an_adapter_that_the_server_would_not_apply_is_refused(tmp_path, name, words):
    with pytest.raises(InputError, match=words):
        rank(adapter(tmp_path / "mine", name=name), NANO)


def test_an_adapter_of_the_model_is_taken(tmp_path):
    assert rank(adapter(tmp_path / "mine", name=LAYER, r=12), NANO) == 16


def test_there_is_room_for_adapters_that_hold_the_models_own_beside_what_is_trained(tmp_path):
    origin = checkpoint.source("nano", str(adapter(tmp_path / "mine", name=LAYER, r=16)))
    asked = {"backend": "vllm", "device": "cpu", "adapter": str(tmp_path / "mine")}
    for lora, most in (({}, "32"), ({"lora": True}, "64"), ({"lora": True, "lora_rank": 64}, "128")):
        found = launch(origin, options.filled("nano", asked | lora, "vlm")).options
        assert found[found.index("--max-lora-rank") + 1] == most


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lora_targets": "q_proj+vproj"}, "no layer called 'vproj' in its language part.*v_proj"),
        ({"lora_targets": "lm_head"}, "changes its embedding of words"),
        ({"lora_targets": "vision_model"}, "changes the part of the model that sees"),
        ({"lora_rank": 513}, "rank 512 at most"),
        ({"lora": False, "lora_rank": 8}, "lora_rank= goes with @lora=true"),
        ({"reload": True}, "adapters or all weights: choose one"),
        ({"tensor_parallel": 2}, "tensor_parallel= goes with @gpus="),
        ({"gpus": "0+0", "device": "cuda"}, "expected different numbers of GPUs"),
        ({"gpus": "0+1"}, "goes with @device=cuda"),
    ],
)
def test_what_is_asked_is_checked_when_it_is_read(given, words):
    with pytest.raises(InputError, match=words):
        started(**given)


def test_the_server_is_started_for_the_adapters_that_will_come():
    found = started(lora_rank=40, lora_kept=4, lora_targets="q_proj+v_proj")
    values = {name: found[found.index(name) + 1] for name in ("--max-lora-rank", "--max-loras", "--max-cpu-loras")}
    assert values == {"--max-lora-rank": "64", "--max-loras": "4", "--max-cpu-loras": "8"}
