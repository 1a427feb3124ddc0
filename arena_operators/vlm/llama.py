"""The layers of a Llama language model, run directly: for small models most of a step is the cost of calls, not sums.

Two passes: `prefill` takes one row's prompt, and `step` one token each of many rows. No row's numbers depend on the
others: a prompt is computed alone, rows are looked at over a cache of one length, and products give a row the same bits
whatever the number of rows. oneDNN's do, over weights laid out for it, which is tried on this machine first; else they
are of `TILE` rows each. (Products of other shapes add in another order, so their last bits may differ.)

Llama: Touvron et al., 2023 (arXiv 2302.13971); rotary positions: Su et al., 2021 (arXiv 2104.09864).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

TILE = 8
MOST = 64  # rows of a step
ROTARY = ("default", "linear", "llama3")  # whose frequencies do not depend on the length of the text


class _Weight:
    """A matrix (out, in), and its products with rows."""

    def __init__(self, matrix: Tensor, single: bool, tried: dict[tuple[int, ...], bool]) -> None:
        """`single`: steps are of one row. `tried`: the shapes that were tried before."""
        self._turned = matrix.detach().t()
        self._single = single
        self._packed: Tensor | None = None
        if not single and torch.backends.mkldnn.is_available() and matrix.dtype in (torch.float32, torch.bfloat16):
            self._packed = torch.ops.mkldnn._reorder_linear_weight(matrix.detach().contiguous(), MOST)
            if tuple(matrix.shape) not in tried:
                tried[tuple(matrix.shape)] = self._equal()
            if not tried[tuple(matrix.shape)]:
                self._packed = None

    def _equal(self) -> bool:
        """Whether the number of rows changes no bit of a row's product on this machine."""
        chance = torch.Generator().manual_seed(0)
        rows = torch.randn(MOST, len(self._turned), generator=chance).to(self._turned.dtype)
        whole = self.whole(rows)
        return all(torch.equal(self.whole(rows[:count]), whole[:count]) for count in range(1, MOST))

    def whole(self, rows: Tensor) -> Tensor:
        """rows x matrix^T, in one product."""
        if self._packed is None:
            return torch.mm(rows, self._turned)
        out: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._packed, None, "none", [], "")
        return out

    def each(self, rows: Tensor) -> Tensor:
        """As `whole`; a row's bits do not depend on the number of rows."""
        if self._packed is not None or self._single:
            return self.whole(rows)
        padded = functional.pad(rows, (0, 0, 0, -len(rows) % TILE))
        return torch.cat([torch.mm(part, self._turned) for part in padded.split(TILE)])[: len(rows)]


@dataclass(frozen=True, slots=True)
class _Layer:
    before: Tensor  # weight of the norm before attention
    joint: _Weight  # (queries, keys, values) of the hidden state
    out: _Weight
    after: Tensor  # weight of the norm before the MLP
    gates: _Weight  # (gate, up)
    down: _Weight


class Llama:
    """A copy of the weights of transformers' LlamaModel and its head, laid out for few and large operations."""

    def __init__(self, model: Any, head: Tensor, single: bool) -> None:
        """`head`: (vocabulary, width). `single`: steps are of one row."""
        config = model.config
        self._weight = partial(_Weight, single=single, tried={})
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.dim = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps = config.rms_norm_eps
        self._head = self._weight(head)
        self.embedding = model.embed_tokens.weight
        self.norm = model.norm.weight
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
            one.input_layernorm.weight,
            self._weight(torch.cat([*turns, attention.v_proj.weight])),
            self._weight(attention.o_proj.weight),
            one.post_attention_layernorm.weight,
            self._weight(torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])),
            self._weight(mlp.down_proj.weight),
        )

    def cache(self, rows: int, length: int) -> Tensor:
        """Keys and values (layers, 2, rows, heads, length, dim), all zero."""
        return torch.zeros(len(self._layers), 2, rows, self.kv_heads, length, self.dim, dtype=self.dtype)

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

    def prefill(self, cache: Tensor, row: int, start: int, hidden: Tensor, last: bool) -> Tensor | None:
        """Puts the embedded tokens `hidden` (tokens, width), from place `start` on, into the cache of `row`.

        Returns the logits (1, vocabulary) after the last token if `last`.
        """
        count = len(hidden)
        end = start + count
        rotations = self._rotations(end)[start:end]
        mask = None
        if start:
            mask = torch.ones(count, end, dtype=torch.bool).tril(start)
        for number, layer in enumerate(self._layers):
            final = number == len(self._layers) - 1
            normed = self._normed(hidden, layer.before)
            joint = layer.joint.whole(normed).view(count, -1, self.dim)
            self._rotate(joint, rotations)
            cache[number, :, row, :, start:end] = joint[:, self.heads :].unflatten(1, (2, -1)).permute(1, 2, 0, 3)
            if final and not last:
                return None
            queries = joint[:, : self.heads].transpose(0, 1)
            visible = mask
            if final:  # only the last token's result is wanted
                queries, hidden, visible = queries[:, -1:], hidden[-1:], None
            seen = functional.scaled_dot_product_attention(
                queries[None],
                cache[number, 0, row : row + 1, :, :end],
                cache[number, 1, row : row + 1, :, :end],
                attn_mask=visible,
                is_causal=not start and not final,
                enable_gqa=self.heads != self.kv_heads,
            )
            hidden = hidden + layer.out.whole(seen[0].transpose(0, 1).flatten(1))
            gate, up = layer.gates.whole(self._normed(hidden, layer.after)).chunk(2, -1)
            hidden = hidden + layer.down.whole(functional.silu(gate).mul_(up))
        return self._head.whole(self._normed(hidden, self.norm))

    def step(self, parts: Sequence[tuple[Tensor, Tensor]], tokens: Tensor) -> Tensor:
        """The logits (rows, vocabulary) after one more token of each row.

        `parts`: (cache, places), where in its row of that cache each token comes; `tokens` are those of all parts.
        """
        count = len(tokens)
        rotations = self._rotations(max(cache.shape[-2] for cache, _ in parts))[torch.cat([one for _, one in parts])]
        wanted = [self._wanted(cache, places) for cache, places in parts]
        hidden: Tensor = self.embedding[tokens]
        for number, layer in enumerate(self._layers):
            joint = layer.joint.each(self._normed(hidden, layer.before)).view(count, -1, self.dim)
            self._rotate(joint, rotations)
            first, seen = 0, []
            for (cache, places), (where, mask) in zip(parts, wanted, strict=True):
                seen.append(self._attended(cache[number], joint[first : first + len(places)], where, mask))
                first += len(places)
            hidden = hidden + layer.out.each(seen[0] if len(seen) == 1 else torch.cat(seen))
            gate, up = layer.gates.each(self._normed(hidden, layer.after)).chunk(2, -1)
            hidden = hidden + layer.down.each(functional.silu(gate).mul_(up))
        return self._head.each(self._normed(hidden, self.norm))

    def _wanted(self, cache: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Where keys and values go, as numbers of rows of a layer's cache; what each row may not see, as -inf."""
        rows, length = len(places), cache.shape[-2]
        which = torch.arange(2)[:, None] * cache.shape[2] + torch.arange(rows)[:, None, None]
        where = (which * self.kv_heads + torch.arange(self.kv_heads)) * length + places[:, None, None]
        mask = torch.zeros(rows, 1, length, dtype=self.dtype)
        mask.masked_fill_(torch.arange(length) > places[:, None, None], -torch.inf)
        return where.flatten(), mask.expand(rows, self.kv_heads, length).reshape(-1, 1, length)

    def _attended(self, cache: Tensor, joint: Tensor, where: Tensor, mask: Tensor) -> Tensor:
        """What each row's new token sees in a layer's cache, (rows, width); its own keys and values go in first."""
        rows = len(joint)
        cache.view(-1, self.dim).index_copy_(0, where, joint[:, self.heads :].reshape(-1, self.dim))
        keys, values = cache[0, :rows].flatten(0, 1), cache[1, :rows].flatten(0, 1)
        queries = joint[:, : self.heads].reshape(rows * self.kv_heads, -1, self.dim)
        weights = torch.baddbmm(mask, queries, keys.transpose(1, 2), alpha=self.dim**-0.5).softmax(-1)
        return torch.bmm(weights, values).view(rows, -1)

    def _normed(self, hidden: Tensor, weight: Tensor) -> Tensor:
        wide = hidden.float()
        spread = (wide * wide).mean(-1, keepdim=True)
        return (wide * spread.add_(self.eps).rsqrt_()).to(self.dtype).mul_(weight)
