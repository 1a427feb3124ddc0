"""Families of vision-language models that users bring: tiny ones of their real configurations, with random weights.

Their folders are laid out as on the hub, with settings for videos too. Where torchvision is not installed they are
loaded without that part.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

import torch
import transformers
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

from arena import commands
from arena.operator import WorkerContext
from arena_operators.vlm.checkpoint import SHIPPED
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import answers, decided, frames, lessons, requests

TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}
EYES = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
QWEN_EYES = {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4, "out_hidden_size": 64}
ROPE = {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10000.0}
LONGEST = {"longest_edge": 64}


@dataclass(frozen=True)
class Family:
    config: str  # classes of transformers
    processor: str
    pictures: str
    videos: str
    picture: str  # how a chat template shows a picture
    vision: dict[str, Any]
    text: dict[str, Any]
    resize: dict[str, Any]  # of the image processor
    marks: dict[str, str]  # special tokens by the names that the tokenizer has for them
    ids: dict[str, str]  # fields of the configuration that hold a token's id
    more: dict[str, Any] = field(default_factory=dict)  # of the configuration
    settings: dict[str, Any] = field(default_factory=dict)  # of the processor


QWEN: dict[str, Any] = {
    "pictures": "Qwen2VLImageProcessor",
    "picture": "<|vision_start|><|image_pad|><|vision_end|>",
    "marks": {
        "vision_start_token": "<|vision_start|>",
        "vision_end_token": "<|vision_end|>",
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
    },
    "ids": {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    },
}
FAMILIES = {
    "Qwen3-VL": Family(
        config="Qwen3VLConfig",
        processor="Qwen3VLProcessor",
        videos="Qwen3VLVideoProcessor",
        vision={**QWEN_EYES, "patch_size": 16, "num_position_embeddings": 256, "deepstack_visual_indexes": [0]},
        text={"head_dim": 16, "rope_parameters": {**ROPE, "mrope_interleaved": True}},
        resize={"patch_size": 16, "merge_size": 2, "min_pixels": 56 * 56, "max_pixels": 128 * 128},
        **QWEN,
    ),
    "Qwen2.5-VL": Family(
        config="Qwen2_5_VLConfig",
        processor="Qwen2_5_VLProcessor",
        videos="Qwen2VLVideoProcessor",
        vision={**QWEN_EYES, "patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1]},
        text={"rope_parameters": ROPE},
        resize={"patch_size": 14, "merge_size": 2, "min_pixels": 56 * 56, "max_pixels": 128 * 128},
        **QWEN,
    ),
    "SmolVLM": Family(
        config="SmolVLMConfig",
        processor="SmolVLMProcessor",
        pictures="SmolVLMImageProcessor",
        videos="SmolVLMVideoProcessor",
        picture="<image>",
        vision={**EYES, "image_size": 64, "patch_size": 16},
        text={"model_type": "llama"},
        resize={"size": LONGEST, "max_image_size": LONGEST, "do_image_splitting": False},
        marks={
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
            "end_of_utterance_token": "<end_of_utterance>",
            "image_token": "<image>",
        },
        ids={"image_token_id": "<image>"},
        more={"scale_factor": 2},
        settings={"image_seq_len": 4},
    ),
    "InternVL": Family(
        config="InternVLConfig",
        processor="InternVLProcessor",
        pictures="GotOcr2ImageProcessor",
        videos="InternVLVideoProcessor",
        picture="<IMG_CONTEXT>",
        vision={**EYES, "image_size": [56, 56], "patch_size": [14, 14]},
        text={"model_type": "qwen2"},
        resize={"size": {"height": 56, "width": 56}, "crop_to_patches": False},
        marks={
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        },
        ids={"image_token_id": "<IMG_CONTEXT>"},
        settings={"image_seq_length": 4},
    ),
}


def saved(family, folder):
    """A model of this family with random weights, in the Hugging Face layout."""
    words = PreTrainedTokenizerFast.from_pretrained(SHIPPED, extra_special_tokens=family.marks)
    words.chat_template = (
        "{% for message in messages %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}" + family.picture + "{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{{ '\n' }}{% endfor %}"
    )
    text = {**TEXT, "vocab_size": len(words), "bos_token_id": None, "eos_token_id": None} | family.text
    config = getattr(transformers, family.config)(
        vision_config=family.vision,
        text_config={**text, "pad_token_id": words.pad_token_id},
        **{name: words.convert_tokens_to_ids(mark) for name, mark in family.ids.items()},
        **family.more,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config)
    model.generation_config.eos_token_id = words.eos_token_id
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    getattr(transformers, family.pictures)(**family.resize).save_pretrained(folder)
    named = {"processor_class": family.processor}
    (folder / "processor_config.json").write_text(json.dumps(named | family.settings))
    videos = named | {"video_processor_type": family.videos}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(videos))
    return folder


def played(folder, **options):
    return make(
        WorkerContext(str(folder), {"threads": 1, "device": "cpu", "prompt": "short", "max_tokens": 8, **options})
    )


@pytest.fixture(scope="module", params=list(FAMILIES))
def folder(request, tmp_path_factory):
    if request.param == "SmolVLM":
        pytest.importorskip("num2words", reason="SmolVLM's processor needs num2words")
    return saved(FAMILIES[request.param], tmp_path_factory.mktemp("model"))


def test_a_model_of_this_family_answers_every_request_and_its_prompt_has_the_picture(folder):
    operator = played(folder)
    given = answers(operator, lessons("kuhn", 3))
    assert all(one.raw is not None and one.usage.completion > 0 for one in given)
    picture = operator.backend.model.model.config.image_token_id
    assert all((one.prompt_tokens == picture).sum() > 1 for one in given)


def test_a_model_of_this_family_answers_alike_whichever_requests_come_together(folder):
    operator = played(folder, batch=1)
    taught = lessons("kuhn", 3)
    together = frames(answers(operator, taught))
    seats, asked = requests(taught)
    operator.open(seats)
    assert frames(decided(operator, asked[::-1])[::-1]) == together
    assert [frames(decided(operator, [one]))[0] for one in asked] == together


def test_a_model_of_this_family_writes_what_transformers_writes(folder):
    operator = played(folder, temperature=0, batch=2)
    taught = lessons("kuhn", 1)
    (given,) = answers(operator, taught)
    words = operator.backend.model
    seats, (asked,) = requests(taught)
    operator.open(seats)
    row = words.encode(operator.dialogue.messages(asked))
    wanted = words.model.generate(
        **row.sequences,
        **row.others,
        do_sample=False,
        max_new_tokens=8,
        suppress_tokens=np.flatnonzero(words.banned(len(words.tokenizer))).tolist(),
    )
    assert given.tokens.tolist() == wanted[0, row.length :].tolist()


def test_smolvlm_without_num2words_says_what_to_install(tmp_path):
    try:
        import num2words  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match=re.escape(commands.pip("num2words"))):
            played(saved(FAMILIES["SmolVLM"], tmp_path))
    else:
        pytest.skip("num2words is installed here")
