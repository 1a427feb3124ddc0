"""What the trainer needs of a model that `vlm` or `llm` names: its torch module, its tokens, its pictures."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pictures
from torch import Tensor

from arena.canonical import hash_file
from arena.operator import Ids
from arena_operators.vlm import checkpoint
from arena_operators.vlm.adapter import applied, factors, into_its_model
from arena_operators.vlm.backend import Message, Picture
from arena_operators.vlm.checkpoint import METADATA, WEIGHTS, Kind
from arena_operators.vlm.encoder import Encoder
from arena_operators.vlm.model import Model
from arena_operators.vlm.vision import FAMILIES

ENDS = ("final_logit_softcapping", "logit_scale", "logits_scaling")  # what a model does after its head, not done here


class _Apart(Model):
    """Keeps what the adapter that is loaded with it adds."""

    added: Mapping[str, tuple[Tensor, Tensor]] = MappingProxyType({})
    unlike = ""  # why that cannot be kept

    def _merged(self, model: Any, adapter: Path) -> Any:
        wrapped = applied(model, adapter)
        try:
            self.added = factors(wrapped)
        except ValueError as error:
            self.unlike = f"of its adapter {adapter} cannot be told apart what it adds: {error}"
        return into_its_model(wrapped)


class Learner:
    """A loaded model that can be trained. The engine in `arena.train.vlm.local` uses this, and nothing else of it."""

    def __init__(self, what: str, options: Mapping[str, Any], *, device: str, dtype: str, kind: Kind = "vlm") -> None:
        """`dtype`: of the weights. ValueError, in words, for a model that cannot be loaded, or not be trained here."""
        self._origin = checkpoint.source(what, options.get("adapter"), kind)
        checkpoint.check_source(self._origin)
        self._loaded = _Apart(self._origin, device, dtype, options.get("revision"))
        self.model: Any = self._loaded.model  # a transformers model; the engine may change its weights, not replace it
        self.model.requires_grad_(True)  # peft leaves a model frozen into which it merged an adapter
        self.tokenizer: Any = self._loaded.tokenizer
        self.ends = self._loaded.ends  # tokens that end an answer
        self.context = self._loaded.context
        self.image_token: int | None = getattr(self.model.config, "image_token_id", None)
        self._takes = self._loaded.takes
        text = self.model.config.get_text_config()
        scaled = [name for name in ENDS if getattr(text, name, None) not in (None, 1, 1.0)]
        if scaled:
            raise ValueError(f"{self._origin.called} changes its logits by {scaled[0]}: training it is not built")
        family = getattr(self.model.config, "model_type", None) in FAMILIES
        self._encoder = Encoder(self._loaded, None) if family else None

    @property
    def base(self) -> str:
        """The name of the model without its adapter, as it follows `vlm:`."""
        return self._origin.base

    def plain(self) -> Any:
        """The model as it is without its adapter, loaded anew."""
        return self._loaded.without_adapter()

    def added(self) -> Mapping[str, tuple[Tensor, Tensor]]:
        """What the model's own adapter adds to its layers, by name: (down, up), whose product up @ down it is.

        ValueError for an adapter that adds anything else.
        """
        if self._loaded.unlike:
            raise ValueError(self._loaded.unlike)
        return self._loaded.added

    def fingerprint(self) -> dict[str, str]:
        """The files that were loaded by their hashes; of a hub's model its name."""
        files = {name: hash_file(path) for name, path in checkpoint.loaded(self._origin).items()}
        return files if self._origin.hub is None else {**files, "model": self._origin.hub}

    def banned(self) -> npt.NDArray[np.bool_]:
        """Tokens that are never sampled, bool (vocabulary,)."""
        return self._loaded.banned(self.model.get_output_embeddings().weight.shape[0])

    def encode(
        self, messages: Sequence[tuple[str, Sequence[str | npt.NDArray[np.uint8]]]]
    ) -> tuple[Ids, tuple[tuple[int, int], ...]]:
        """A chat, (role, texts and pictures) each, in tokens: int32 (prompt,), and its runs of placeholders.

        Such a run, (first, length), is a picture, or a part of one.
        """
        chat = [
            Message(cast(Any, role), tuple(part if isinstance(part, str) else Picture(part) for part in parts))
            for role, parts in messages
        ]
        if self._encoder is not None:
            ids = self._encoder.encode(chat).ids
        else:
            ids = self._loaded.encode(chat).sequences["input_ids"][0].numpy().astype(np.int32)
        shown = np.concatenate([[False], ids == self.image_token, [False]]).astype(np.int8)
        borders = np.flatnonzero(np.diff(shown)).reshape(-1, 2)
        return ids, tuple((int(first), int(end - first)) for first, end in borders)

    def pixels(self, images: Sequence[npt.NDArray[np.uint8]]) -> dict[str, Tensor]:
        """The model's inputs for the pictures (height, width, 3) of one prompt. Those of prompts with equal shapes are

        joined along the first axis.
        """
        if not images:
            return {}
        if self._encoder is not None:
            read = [self._encoder.tiles(Picture(image)) for image in images]
            out = {"pixel_values": torch.cat([tiles for tiles, _ in read])[None]}
            if any(mask is not None for _, mask in read):
                masks = [
                    torch.ones(len(tiles), *tiles.shape[-2:], dtype=torch.int64) if mask is None else mask
                    for tiles, mask in read
                ]
                out["pixel_attention_mask"] = torch.cat(masks)[None]
            return out
        given = self._loaded.processor.image_processor(
            images=[Pictures.fromarray(image) for image in images], return_tensors="pt"
        )
        return {name: tensor for name, tensor in given.items() if torch.is_tensor(tensor) and name in self._takes}

    def features(self, pixels: Mapping[str, Tensor]) -> Tensor | None:
        """What stands in the places of the image tokens of one prompt, (tokens, width), for a tower that is not

        trained; None where this family's pictures cannot be computed apart.
        """
        if self._encoder is None:
            return None
        found: Any = self.model.model.get_image_features(**pixels).pooler_output
        return torch.cat(tuple(found)) if isinstance(found, tuple | list) or found.ndim == 3 else found

    def hidden(
        self, ids: Tensor, mask: Tensor, pixels: Mapping[str, Tensor], features: Tensor | None, inner: Any
    ) -> Tensor:
        """The last hidden states (rows, length, width) of rows of token ids that are padded on the right.

        `mask`: 1 where a token stands. `pixels` of all rows, or instead their `features` (tokens, width). `inner`: the
        model without its head.
        """
        given: dict[str, Any] = dict(pixels)
        if features is not None:
            from transformers.modeling_outputs import BaseModelOutputWithPooling

            given = {"mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=features)}}
        for name in ("mm_token_type_ids", "token_type_ids"):
            if name in self._takes and self.image_token is not None:
                given[name] = (ids == self.image_token).to(ids.dtype)
        out: Tensor = inner(input_ids=ids, attention_mask=mask, use_cache=False, **given).last_hidden_state
        return out

    def language(self) -> str:
        """A pattern of the names of the linear layers of the part that reads and writes, without its head."""
        inside = self._decoder()
        name = next(name for name, module in self.model.named_modules() if module is inside)
        words = {path.rpartition(".")[2] for path, one in inside.named_modules() if isinstance(one, torch.nn.Linear)}
        return rf"(.*\.)?{name.replace('.', chr(92) + '.')}\.layers\.\d+\..*\.({'|'.join(sorted(words))})"

    def tower(self) -> Sequence[torch.nn.Module]:
        """What turns pictures into image tokens, its connector included; empty for a model that sees none."""
        inside = self._decoder()
        return [one for one in self.model.model.children() if one is not inside] if self._loaded.sees else []

    def _decoder(self) -> Any:
        inner = self.model.model
        for name in ("text_model", "language_model"):
            if hasattr(inner, name):
                return getattr(inner, name)
        return inner

    def save(self, folder: Path, model: Any, dtype: str, about: Mapping[str, Any]) -> None:
        """Write `model`, the changed one, into the new `folder` in the Hugging Face layout, with its words beside it.

        `about`: as in `note`.
        """
        copy.deepcopy(model).to(getattr(torch, dtype)).save_pretrained(folder)
        words = self._loaded.processor if self._loaded.sees else self.tokenizer
        words.save_pretrained(folder)
        self.note(folder / WEIGHTS, about)
        checkpoint.check(folder, self._origin.kind)

    def note(self, file: Path, about: Mapping[str, Any]) -> None:
        """Note beside a file of weights, of all or of an adapter, what the model was trained for, and `about` how it

        was trained further, where it is one of ours (nano.json): else it would be taken at no game that it learnt here.
        """
        metadata = self._origin.metadata()
        if metadata is not None:
            made = {**metadata, "trained_further": dict(about)}
            # Of an adapter it is not looked at, and of the model's own weights, beside which it may be put, not true.
            made.pop("weights_sha256", None)
            if file.name == WEIGHTS:
                made["weights_sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
            file.with_name(METADATA).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


load = Learner
load_llm = partial(Learner, kind="llm")
