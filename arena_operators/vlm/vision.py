"""The vision tower of Idefics3 and SmolVLM with its connector, run directly over weights laid out for fast products.

No picture's numbers depend on the others that are computed with it (see products.py). SigLIP: Zhai et al., 2023 (arXiv
2303.15343); the connector: Laurençon et al., 2024 (arXiv 2408.12637), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from arena_operators.vlm.products import Activation, Weight

ACTIVATIONS: dict[str, Activation] = {"gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh"}
FAMILIES = ("idefics3", "smolvlm")


@dataclass(frozen=True, slots=True)
class _Layer:
    before: Any  # norm before attention
    joint: Weight  # (queries, keys, values) of the hidden state
    out: Weight
    after: Any  # norm before the MLP
    up: Weight
    down: Weight


class Tower:
    """A copy of the tower's weights; features of pictures that fill their tiles."""

    def __init__(self, model: Any) -> None:
        """`model`: the inner model of transformers, with vision_model and connector."""
        self._config = model.config.vision_config
        self._scale = model.config.scale_factor
        vision, self._connector = model.vision_model, model.connector
        patch = vision.embeddings.patch_embedding
        self._patches = Weight(patch.weight.flatten(1), bias=patch.bias)
        self._places = vision.embeddings.position_embedding.weight.detach()
        self._layers = [self._layer(one) for one in vision.encoder.layers]
        self._norm = vision.post_layernorm
        self._out = Weight(self._connector.modality_projection.proj.weight)

    @staticmethod
    def fits(model: Any) -> bool:
        """Whether `model` has a tower that these layers compute."""
        if getattr(model.config, "model_type", None) not in FAMILIES:
            return False
        return model.config.vision_config.hidden_act in ACTIVATIONS

    def _layer(self, one: Any) -> _Layer:
        attention, mlp = one.self_attn, one.mlp
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        return _Layer(
            one.layer_norm1,
            Weight(torch.cat([part.weight for part in parts]), bias=torch.cat([part.bias for part in parts])),
            Weight(attention.out_proj.weight, bias=attention.out_proj.bias),
            one.layer_norm2,
            Weight(mlp.fc1.weight, bias=mlp.fc1.bias),
            Weight(mlp.fc2.weight, bias=mlp.fc2.bias),
        )

    def takes(self, tiles: Tensor, mask: Tensor | None) -> bool:
        """Whether `tiles` (count, channels, height, width) are of the tower's size, and nothing of them is padding."""
        size = self._config.image_size
        return tuple(tiles.shape[-2:]) == (size, size) and (mask is None or bool(mask.all()))

    def features(self, tiles: Tensor) -> Tensor:
        """(count, tokens of a tile, width of the language model)."""
        count, size = len(tiles), self._config.patch_size
        side = self._config.image_size // size
        patches = tiles.unflatten(2, (side, size)).unflatten(4, (side, size)).permute(0, 2, 4, 1, 3, 5)
        hidden = self._patches.rows(patches.reshape(count * side * side, -1))
        hidden = (hidden.view(count, side * side, -1) + self._places).flatten(0, 1)
        heads = self._config.num_attention_heads
        activation = ACTIVATIONS[self._config.hidden_act]
        for layer in self._layers:
            joint = layer.joint.rows(layer.before(hidden)).view(count, side * side, 3, heads, -1)
            queries, keys, values = joint.permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(queries, keys, values)
            hidden = hidden + layer.out.rows(seen.transpose(1, 2).reshape(len(hidden), -1))
            hidden = hidden + layer.down.rows(layer.up.rows(layer.after(hidden), activation))
        shuffled = self._connector.pixel_shuffle(self._norm(hidden).view(count, side * side, -1), self._scale)
        return self._out.rows(shuffled.flatten(0, 1)).view(count, shuffled.shape[1], -1)
