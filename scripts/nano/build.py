"""nano's architecture: Idefics3 (the family of SmolVLM), small, and the processor that goes with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

from arena_operators.vlm.checkpoint import METADATA
from scripts.nano import tokens
from scripts.nano.recipe import Recipe

# One user turn is the picture, the prompt, a line's end; the answer follows.
CHAT = (
    "{% for message in messages %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '\\n' }}{% else %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)


def config(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> Idefics3Config:
    """The configuration; token ids from `tokenizer`."""
    pad, start, end = tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id
    return Idefics3Config(
        vision_config={
            "hidden_size": recipe.vision_width,
            "intermediate_size": 4 * recipe.vision_width,
            "num_hidden_layers": recipe.vision_layers,
            "num_attention_heads": recipe.vision_heads,
            "image_size": recipe.image,
            "patch_size": recipe.patch,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": recipe.width,
            "intermediate_size": recipe.inner,
            "num_hidden_layers": recipe.layers,
            "num_attention_heads": recipe.heads,
            "num_key_value_heads": recipe.heads,
            "max_position_embeddings": recipe.positions,
            "tie_word_embeddings": True,
            "pad_token_id": pad,
            "bos_token_id": start,
            "eos_token_id": end,
        },
        scale_factor=recipe.shuffle,
        image_token_id=tokenizer.convert_tokens_to_ids(tokens.IMAGE),
        tie_word_embeddings=True,
        pad_token_id=pad,
        bos_token_id=start,
        eos_token_id=end,
    )


def model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> Idefics3ForConditionalGeneration:
    """A model with weights drawn from the recipe's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return Idefics3ForConditionalGeneration(config(recipe, tokenizer))


def processor(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> Idefics3Processor:
    """Pictures to pixels in [-1, 1], prompts to tokens."""
    edge = {"longest_edge": recipe.image}
    pictures = Idefics3ImageProcessorPil(
        size=edge,
        max_image_size=edge,
        do_resize=True,
        do_image_splitting=False,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
    return Idefics3Processor(pictures, tokenizer, image_seq_len=recipe.image_tokens, chat_template=CHAT)


def begin(recipe: Recipe, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write the untrained model as a folder that a training can begin with, whole or not at all."""
    fresh = out.with_name(f".{out.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    made = model(recipe, tokenizer)
    made.generation_config.eos_token_id = tokenizer.eos_token_id
    made.generation_config.pad_token_id = tokenizer.pad_token_id
    made.save_pretrained(fresh)
    processor(recipe, tokenizer).save_pretrained(fresh)
    (fresh / METADATA).write_text(json.dumps({"name": "nano", "games": recipe.games}) + "\n")
    fresh.rename(out)
