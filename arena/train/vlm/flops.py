"""Floating-point operations of a model, for its utilisation (MFU): those that the model needs, without padding.

A multiplication and an addition are two. Products are counted, as in PaLM (Chowdhery et al. 2022, 2204.02311, appendix
B), and attention in full, as eager attention computes it. Norms, activations and the softmax are left out.
"""

from __future__ import annotations

from typing import Any

FAMILIES = ("llama", "idefics3", "smolvlm")


def forward(config: Any, length: int, scored: int, pictures: int = 0) -> int:
    """Of one row of `length` tokens, of which `scored` are predicted, with so many tiles of pictures.

    `config`: transformers' configuration of a Llama, Idefics3 or SmolVLM. ValueError for another family.
    """
    if config.model_type not in FAMILIES:
        raise ValueError(f"the operations of {config.model_type} are not known; they are of {', '.join(FAMILIES)}")
    text = config.get_text_config()
    dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    attention = 2 * text.num_attention_heads + 2 * text.num_key_value_heads  # queries and outputs, keys and values
    weights = text.hidden_size * (attention * dim + 3 * text.intermediate_size)
    layer = length * weights + 2 * length * length * text.num_attention_heads * dim
    head = scored * text.hidden_size * text.vocab_size
    language: int = 2 * (text.num_hidden_layers * layer + head)
    return language + (pictures * tower(config) if pictures else 0)


def tower(config: Any) -> int:
    """Of one tile of a picture, until its features stand in the language model's width."""
    vision = config.vision_config
    places = (vision.image_size // vision.patch_size) ** 2
    weights = vision.hidden_size * (4 * vision.hidden_size + 2 * vision.intermediate_size)
    layer = places * weights + 2 * places * places * vision.hidden_size
    patches = places * vision.num_channels * vision.patch_size**2 * vision.hidden_size
    shuffled = places * vision.hidden_size * config.get_text_config().hidden_size
    operations: int = 2 * (patches + vision.num_hidden_layers * layer + shuffled)
    return operations


def update(config: Any, length: int, scored: int, pictures: int = 0, *, adapter: bool = False) -> int:
    """Of one row's passes forward and back: three times the forward one where all weights are trained.

    An adapter's is twice that of the language part, whose own weights need no gradient, and once that of the pictures.
    The adapter itself is not counted.
    """
    if not adapter:
        return 3 * forward(config, length, scored, pictures)
    return 2 * forward(config, length, scored) + (pictures * tower(config) if pictures else 0)
