"""The layers of a Llama language model, run directly: for small models most of a step is the cost of calls, not sums.

Two passes: `prefill` takes prompts, and `step` tokens that come next in rows. No row's numbers depend on the others:
products give a row the same bits whatever the number of rows (products.py), a prompt's attention is computed alone, and
rows look back over a cache of one length.

Llama: Touvron et al., 2023 (arXiv 2302.13971); rotary positions: Su et al., 2021 (arXiv 2104.09864).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from arena_operators.vlm.products import Weight, full

TOGETHER = 4  # queries of a row that look back in one product
ROTARY = ("default", "linear", "llama3")  # whose frequencies do not depend on the length of the text


@dataclass(frozen=True, slots=True)
class Begun:
    """A prompt of which the tokens from `start` on are to be computed."""

    kept: Tensor  # keys and values (layers, 2, heads, tokens, dim); those before `start` are there
    start: int
    ends: Sequence[int]  # of its pieces after `start`, the prompt's own end last

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """(start, end) of each."""
        return list(itertools.pairwise((self.start, *self.ends)))


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens that come next in the first rows of one cache, as many in each."""

    cache: Tensor  # as Llama.cache makes it
    places: Tensor  # (rows, tokens of a row): where in its row each comes; at the cache's length: it is of no use


@dataclass(frozen=True, slots=True)
class _Layer:
    joint: Weight  # (queries, keys, values) of the normed hidden state
    out: Weight
    gates: Weight  # (gate, up) of the normed hidden state
    down: Weight


class Llama:
    """A copy of the weights of transformers' LlamaModel and its head, laid out for few and large operations."""

    def __init__(self, model: Any, head: Tensor) -> None:
        """`head`: (vocabulary, width)."""
        config = model.config
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.dim = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps = config.rms_norm_eps
        self._head = Weight(head * model.norm.weight)
        self.embedding = model.embed_tokens.weight
        self.dtype = self.embedding.dtype
        self._layers = [self._layer(one) for one in model.layers]
        self._rotary = model.rotary_emb
        self._turns = torch.empty(0)

    @staticmethod
    def fits(model: Any) -> bool:
        """Whether `model` is a LlamaModel that these layers compute."""
        from transformers import LlamaModel

        if not isinstance(model, LlamaModel):
            return False
        config = model.config
        plain = config.hidden_act == "silu" and not config.attention_bias and not config.mlp_bias
        return plain and model.rotary_emb.rope_type in ROTARY

    def _layer(self, one: Any) -> _Layer:
        attention, mlp = one.self_attn, one.mlp
        # The two halves of a head that are rotated together stand in turns, so that a pair is one complex number.
        turns = [
            weight.view(-1, 2, self.dim // 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)
            for weight in (attention.q_proj.weight, attention.k_proj.weight)
        ]
        return _Layer(
            Weight(torch.cat([*turns, attention.v_proj.weight]) * one.input_layernorm.weight),
            Weight(attention.o_proj.weight),
            Weight(torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]) * one.post_attention_layernorm.weight),
            Weight(mlp.down_proj.weight),
        )

    def cache(self, rows: int, length: int) -> Tensor:
        """Keys and values (layers, 2, rows, heads, length, dim), all zero. Behind them is room for one more place."""
        return self._places(rows, length + 1).zero_()[..., :length, :]

    def kept(self, length: int) -> Tensor:
        """Keys and values (layers, 2, heads, length, dim) that are to be computed."""
        return self._places(1, length)[:, :, 0]

    def _places(self, rows: int, length: int) -> Tensor:
        return torch.empty(len(self._layers), 2, rows, self.kv_heads, length, self.dim, dtype=self.dtype)

    def _rotations(self, length: int) -> Tensor:
        """Complex (at least `length`, 1, dim / 2): the rotation at each position."""
        if len(self._turns) < length:
            places = torch.arange(-(-length // 256) * 256)[None]
            cos, sin = self._rotary(torch.empty(0), places)
            self._turns = torch.complex(cos, sin)[0, :, None, : self.dim // 2]
        return self._turns

    def _rotate(self, joint: Tensor, rotations: Tensor) -> None:
        """Turns queries and keys (rows, heads, dim) in place."""
        turned = joint[:, : self.heads + self.kv_heads].unflatten(-1, (-1, 2))
        if self.dtype == torch.float32:
            torch.view_as_complex(turned).mul_(rotations)
        else:
            turned.copy_(torch.view_as_real(torch.view_as_complex(turned.float()) * rotations))

    def prefill(self, prompts: Sequence[Begun], hidden: Tensor) -> Tensor:
        """The logits (prompts, vocabulary) after the last token of each; their keys and values are all there then.

        `hidden` (tokens, width): the embedded tokens of all prompts, each from its start on.
        """
        counts = [one.ends[-1] - one.start for one in prompts]
        spare = full(len(hidden)) - len(hidden)
        hidden = functional.pad(hidden, (0, 0, 0, spare))
        rotations = self._rotations(max(one.ends[-1] for one in prompts))
        rotations = torch.cat(
            [*(rotations[one.start : one.ends[-1]] for one in prompts), rotations[:1].repeat(spare, 1, 1)]
        )
        masks = [[_later(start, end, self.dtype) for start, end in one.pieces] for one in prompts]
        lasts = torch.tensor(counts).cumsum(0) - 1
        for number, layer in enumerate(self._layers):
            final = number == len(self._layers) - 1  # of which only the last tokens' results are wanted
            joint = layer.joint.rows(self._normed(hidden)).view(len(hidden), -1, self.dim)
            self._rotate(joint, rotations)
            seen = []
            for one, of, mask in zip(prompts, joint.split([*counts, spare]), masks, strict=False):
                one.kept[number, :, :, one.start :] = of[:, self.heads :].unflatten(1, (2, -1)).permute(1, 2, 0, 3)
                queries = of[:, : self.heads].transpose(0, 1)[None]
                if final:
                    seen.append(self._seen(queries[:, :, -1:], one.kept[number], None))
                    continue
                for (start, end), visible in zip(one.pieces, mask, strict=True):
                    part = queries[:, :, start - one.start : end - one.start]
                    seen.append(self._seen(part, one.kept[number, :, :, :end], visible))
            if final:
                hidden = hidden[lasts]
            elif spare:
                seen.append(torch.zeros(spare, seen[0].shape[1], dtype=self.dtype))
            hidden = hidden + layer.out.rows(torch.cat(seen))
            gate, up = layer.gates.rows(self._normed(hidden)).chunk(2, -1)
            hidden = hidden + layer.down.rows(functional.silu(gate).mul_(up))
        return self._head.rows(self._normed(hidden))

    def _seen(self, queries: Tensor, kept: Tensor, mask: Tensor | None) -> Tensor:
        """What queries (1, heads, tokens, dim) see in keys and values (2, heads, places, dim): (tokens, width)."""
        out = functional.scaled_dot_product_attention(
            queries, kept[None, 0], kept[None, 1], attn_mask=mask, enable_gqa=self.heads != self.kv_heads
        )
        return out[0].transpose(0, 1).flatten(1)

    def step(self, parts: Sequence[Part], tokens: Tensor) -> Tensor:
        """The logits (tokens, vocabulary) after each of `tokens`, which are those of all parts.

        A row's tokens follow each other: the later ones see those before them.
        """
        places = [one.places.flatten() for one in parts]
        counts = [len(one) for one in places]
        rotations = self._rotations(1 + max(one.cache.shape[-2] for one in parts))[torch.cat(places)]
        wanted = [self._wanted(one) for one in parts]
        hidden: Tensor = self.embedding[tokens]
        for number, layer in enumerate(self._layers):
            joint = layer.joint.rows(self._normed(hidden)).view(len(tokens), -1, self.dim)
            self._rotate(joint, rotations)
            seen = [
                self._attended(one, number, of, where, mask)
                for one, of, (where, mask) in zip(parts, joint.split(counts), wanted, strict=True)
            ]
            hidden = hidden + layer.out.rows(seen[0] if len(seen) == 1 else torch.cat(seen))
            gate, up = layer.gates.rows(self._normed(hidden)).chunk(2, -1)
            hidden = hidden + layer.down.rows(functional.silu(gate).mul_(up))
        return self._head.rows(self._normed(hidden))

    def _wanted(self, part: Part) -> tuple[Tensor, Tensor]:
        """Where keys and values go, as row numbers of a layer's whole cache; what each query may not see, as -inf."""
        (rows, count), length = part.places.shape, part.cache.shape[-2]
        which = torch.arange(2)[:, None] * part.cache.shape[2] + torch.arange(rows)[:, None, None, None]
        heads = (which * self.kv_heads + torch.arange(self.kv_heads)) * (length + 1)
        where = heads + part.places[..., None, None]
        groups = self.heads // self.kv_heads
        places = functional.pad(part.places, (0, -count % TOGETHER))[:, None, :, None]
        places = places.expand(rows, self.kv_heads, -1, groups).reshape(rows * self.kv_heads, -1, 1)
        hidden = torch.zeros(*places.shape[:2], length, dtype=self.dtype)
        return where.flatten(), hidden.masked_fill_(torch.arange(length) > places, -torch.inf)

    def _attended(self, part: Part, number: int, joint: Tensor, where: Tensor, hidden: Tensor) -> Tensor:
        """What each token sees in a layer's cache, (tokens, width); all keys and values go in first."""
        (rows, count), cache = part.places.shape, part.cache[number]
        whole = cache.as_strided((cache.stride(0) * 2 // self.dim, self.dim), (self.dim, 1))
        whole.index_copy_(0, where, joint[:, self.heads :].reshape(-1, self.dim))
        keys, values = cache[0, :rows].flatten(0, 1), cache[1, :rows].flatten(0, 1)
        # A row's queries are products of one shape, filled up with zeros, whatever their number: so bits are the same.
        queries = joint[:, : self.heads].reshape(rows, count, self.kv_heads, -1, self.dim).transpose(1, 2)
        queries = functional.pad(queries, (0, 0, 0, 0, 0, -count % TOGETHER)).flatten(2, 3).flatten(0, 1)
        size = TOGETHER * self.heads // self.kv_heads
        seen = []
        for one, mask in zip(queries.split(size, 1), hidden.split(size, 1), strict=True):
            weights = torch.baddbmm(mask, one, keys.transpose(1, 2), alpha=self.dim**-0.5).softmax(-1)
            seen.append(torch.bmm(weights, values))
        out = seen[0] if len(seen) == 1 else torch.cat(seen, 1)
        out = out.view(rows, self.kv_heads, -1, self.heads // self.kv_heads, self.dim)[:, :, :count]
        return out.transpose(1, 2).reshape(rows * count, -1)

    def _normed(self, hidden: Tensor) -> Tensor:
        """By the root of the mean square; a norm's weights are part of the matrix behind it."""
        wide = hidden.float()
        spread = (wide * wide).mean(-1, keepdim=True)
        return (wide * spread.add_(self.eps).rsqrt_()).to(self.dtype)


def _later(start: int, end: int, dtype: torch.dtype) -> Tensor:
    """What the tokens of a piece may not see, as -inf, (end - start, end)."""
    return torch.full((end - start, end), -torch.inf, dtype=dtype).triu(start + 1)
