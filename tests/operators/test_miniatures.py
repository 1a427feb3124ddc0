"""Families of vision-language models that users bring: tiny ones of their real configurations, with random weights.

Processors of these families take videos too, for which transformers needs torchvision. Where it is not installed they
cannot be loaded, and the message says so.
"""

from __future__ import annotations

import importlib.util
import inspect
import json

import pytest

pytest.importorskip("transformers")

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

from arena.operator import WorkerContext
from arena_operators.vlm.backend import Sampling
from arena_operators.vlm.checkpoint import SHIPPED
from arena_operators.vlm.generate import Batches
from arena_operators.vlm.model import Model, Row
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import answers, decided, frames, lessons, requests

VIDEOS = importlib.util.find_spec("torchvision") is not None
TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}


def tokenizer(marks, **names):
    """nano's, with the marks of a family; `names` are those that its processor looks up."""
    out = PreTrainedTokenizerFast.from_pretrained(SHIPPED, **({"extra_special_tokens": names} if names else {}))
    out.add_special_tokens({"additional_special_tokens": marks}, replace_extra_special_tokens=False)
    return out


def template(picture):
    """A chat template that shows a picture by `picture`."""
    return (
        "{% for message in messages %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}" + picture + "{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{{ '\n' }}{% endfor %}"
    )


def qwen(name):
    """(configuration, processor class, parts, image mark)."""
    import transformers

    marks = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    words = tokenizer(marks)
    ids = {
        "image_token_id": words.convert_tokens_to_ids("<|image_pad|>"),
        "video_token_id": words.convert_tokens_to_ids("<|video_pad|>"),
        "vision_start_token_id": words.convert_tokens_to_ids("<|vision_start|>"),
        "vision_end_token_id": words.convert_tokens_to_ids("<|vision_end|>"),
    }
    text = {**TEXT, "vocab_size": len(words)}
    if name == "Qwen3VL":
        rope = {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10000.0, "mrope_interleaved": True}
        vision = {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4, "patch_size": 16}
        vision |= {"out_hidden_size": 64, "num_position_embeddings": 256, "deepstack_visual_indexes": [0]}
        text |= {"head_dim": 16, "rope_parameters": rope}
    else:
        rope = {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10000.0}
        vision = {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4, "patch_size": 14}
        vision |= {"out_hidden_size": 64, "window_size": 56, "fullatt_block_indexes": [1]}
        text |= {"rope_parameters": rope}
    config = getattr(transformers, "Qwen3VLConfig" if name == "Qwen3VL" else "Qwen2_5_VLConfig")
    made = config(vision_config=vision, text_config=text, **ids)

    def processor():
        pictures = transformers.Qwen2VLImageProcessor(
            patch_size=vision["patch_size"], merge_size=2, min_pixels=56 * 56, max_pixels=128 * 128
        )
        whole, videos = (
            (transformers.Qwen3VLProcessor, transformers.Qwen3VLVideoProcessor)
            if name == "Qwen3VL"
            else (transformers.Qwen2_5_VLProcessor, transformers.Qwen2VLVideoProcessor)
        )
        chat = template("<|vision_start|><|image_pad|><|vision_end|>")
        return whole(pictures, words, videos(), chat_template=chat)

    return made, words, processor, f"{config.__name__.removesuffix('Config')}Processor"


def smolvlm(name):
    import transformers

    words = tokenizer(["<fake_token_around_image>", "<global-img>", "<end_of_utterance>"])
    text = {**TEXT, "model_type": "llama", "vocab_size": len(words), "pad_token_id": words.pad_token_id}
    vision = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision |= {"image_size": 64, "patch_size": 16}
    made = transformers.SmolVLMConfig(
        vision_config=vision,
        text_config=text,
        scale_factor=2,
        image_token_id=words.convert_tokens_to_ids("<image>"),
        pad_token_id=words.pad_token_id,
    )

    def processor():
        size = {"longest_edge": 64}
        pictures = transformers.SmolVLMImageProcessor(size=size, max_image_size=size, do_image_splitting=False)
        videos = transformers.SmolVLMVideoProcessor(size=size, max_image_size=size)
        return transformers.SmolVLMProcessor(
            pictures, words, videos, image_seq_len=4, chat_template=template("<image>")
        )

    return made, words, processor, "SmolVLMProcessor"


def internvl(name):
    import transformers

    marks = ["<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
    words = tokenizer(
        marks,
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    vision = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision |= {"image_size": [56, 56], "patch_size": [14, 14]}
    text = {**TEXT, "model_type": "qwen2", "vocab_size": len(words)}
    made = transformers.InternVLConfig(
        vision_config=vision, text_config=text, image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>")
    )

    def processor():
        size = {"height": 56, "width": 56}
        pictures = transformers.GotOcr2ImageProcessor(size=size, crop_to_patches=False)
        videos = transformers.InternVLVideoProcessor(size=size)
        return transformers.InternVLProcessor(
            pictures, words, videos, image_seq_length=4, chat_template=template("<IMG_CONTEXT>")
        )

    return made, words, processor, "InternVLProcessor"


FAMILIES = {"Qwen3VL": qwen, "Qwen2.5VL": qwen, "SmolVLM": smolvlm, "InternVL": internvl}


@pytest.fixture(params=list(FAMILIES))
def folder(request, tmp_path):
    """A folder in the Hugging Face layout."""
    config, words, processor, name = FAMILIES[request.param](request.param)
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config)
    model.generation_config.eos_token_id = words.eos_token_id
    model.save_pretrained(tmp_path)
    if VIDEOS:
        processor().save_pretrained(tmp_path)
    else:
        words.save_pretrained(tmp_path)
        (tmp_path / "processor_config.json").write_text(json.dumps({"processor_class": name}))
    return tmp_path


@pytest.mark.skipif(not VIDEOS, reason="needs torchvision")
def test_a_model_of_this_family_answers_and_sees_the_picture(folder):
    operator = make(WorkerContext(str(folder), {"threads": 1, "device": "cpu", "prompt": "short", "max_tokens": 8}))
    taught = lessons("kuhn", 3)
    given = answers(operator, taught)
    assert all(one.raw is not None and one.usage.completion > 0 for one in given)
    pictures = operator.backend.model.model.config.image_token_id
    assert all((one.prompt_tokens == pictures).sum() > 1 for one in given)
    seats, asked = requests(taught)
    operator.open(seats)
    assert frames(decided(operator, asked[::-1])[::-1]) == frames(given)


@pytest.mark.skipif(VIDEOS, reason="torchvision is installed here")
def test_without_torchvision_the_message_names_it(folder):
    with pytest.raises(ValueError, match=r"torchvision|num2words"):
        make(WorkerContext(str(folder), {"threads": 1, "device": "cpu"}))


@pytest.mark.parametrize("name", ["Qwen3VL", "Qwen2.5VL"])
def test_tokens_stand_where_transformers_puts_them(name):
    """The greedy tokens of a padded prompt with a picture are those of `generate`, which has no padding."""
    config, words, _, _ = qwen(name)
    torch.manual_seed(0)
    model = Model.__new__(Model)  # its processor would need torchvision
    model.model = AutoModelForImageTextToText.from_config(config).eval()
    model.device, model.tokenizer, model.pad = "cpu", words, words.pad_token_id
    model.ends = frozenset([words.eos_token_id])
    model.takes = frozenset(inspect.signature(model.model.forward).parameters)
    seen = [config.vision_start_token_id, *[config.image_token_id] * 4, config.vision_end_token_id]
    ids = torch.tensor([[*range(20, 31), *seen, *range(40, 68)]])
    patch = config.vision_config.patch_size
    row = Row(
        ids.shape[1],
        {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "mm_token_type_ids": (ids == config.image_token_id).long(),
        },
        {"pixel_values": torch.randn(16, 6 * patch * patch), "image_grid_thw": torch.tensor([[1, 4, 4]])},
    )
    sampling = Sampling(temperature=0, max_tokens=6)
    (_, given), *_ = Batches(model, 2).generate([row], [np.full(6, 0.5)], [None], sampling)
    never = np.flatnonzero(model.banned(len(words))).tolist()
    with torch.inference_mode():
        whole = model.model.generate(
            **row.sequences, **row.others, do_sample=False, max_new_tokens=6, suppress_tokens=never
        )
    assert given.tokens.tolist() == whole[0, ids.shape[1] :].tolist()
