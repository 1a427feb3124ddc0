"""An adapter of a model that reads only, with a tokenizer of its own: used with its template, or refused in words."""

from __future__ import annotations

import json
import shutil

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from arena.errors import CheckpointError
from arena.operator import WorkerContext
from arena.plugins import game_class
from arena_operators.llm.kind import KIND
from arena_operators.vlm.backend import Message
from arena_operators.vlm.operator import make_llm
from tests.operators.vlm_kit import text_model


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return text_model(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def bare(base, tmp_path_factory):
    torch.manual_seed(1)
    config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    folder = tmp_path_factory.mktemp("adapter") / "cards"
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    return folder


@pytest.fixture
def adapter(base, bare, tmp_path):
    """With the model's tokenizer, as trainers save it."""
    folder = shutil.copytree(bare, tmp_path / "cards")
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    words = json.loads((folder / "tokenizer.json").read_text())
    padding = {"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": None}
    padding |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"}
    (folder / "tokenizer.json").write_text(json.dumps({**words, "padding": padding}))
    return folder


def lay_out(folder):
    options = KIND.resolve_options(None, str(folder), {})
    model = make_llm(WorkerContext(str(folder), options)).backend.model
    return model.lay_out([Message("user", ("Which move?",))])


def test_the_models_tokenizer_beside_an_adapter_is_taken_however_it_is_written(base, bare, adapter):
    assert lay_out(adapter) == lay_out(bare) == lay_out(base)


def test_an_adapter_is_asked_by_the_template_that_it_was_trained_with(adapter):
    (adapter / "chat_template.jinja").write_text("Mine: {{ messages[0]['content'] }}")
    assert lay_out(adapter) == "Mine: Which move?"
    found = KIND.fingerprint(game_class("kuhn").spec, str(adapter), KIND.resolve_options(None, str(adapter), {}))
    assert {"adapter/tokenizer.json", "adapter/chat_template.jinja"} <= set(found)


def test_a_tokenizer_with_other_tokens_is_refused_with_the_difference(adapter):
    tokenizer = AutoTokenizer.from_pretrained(adapter)
    tokenizer.add_tokens(["joker"])
    tokenizer.save_pretrained(adapter)
    with pytest.raises(ValueError, match=r"not that of the model: it has tokens more \(1: 'joker'\)"):
        lay_out(adapter)


def test_a_tokenizer_in_part_is_refused(adapter):
    (adapter / "tokenizer_config.json").unlink()
    with pytest.raises(CheckpointError, match="no whole tokenizer stands beside it"):
        lay_out(adapter)
