"""From a chat to token ids and picture features, with what was computed for a picture kept for the next time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pictures
from torch import Tensor

from arena.operator import Ids
from arena_operators.vlm.backend import Message, Picture
from arena_operators.vlm.model import Model

KEPT = 1 << 27  # bytes


class Kept:
    """The tensors that were used last, at most `KEPT` bytes of them."""

    def __init__(self) -> None:
        self._tensors: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable) -> Tensor | None:
        """The tensor of `key`, if it is still here."""
        found = self._tensors.get(key)
        if found is not None:
            self._tensors.move_to_end(key)
        return found

    def put(self, key: Hashable, tensor: Tensor) -> None:
        """Keep `tensor`, which nobody changes."""
        self._tensors[key] = tensor
        self._bytes += tensor.nbytes
        while self._bytes > KEPT and len(self._tensors) > 1:
            self._bytes -= self._tensors.popitem(last=False)[1].nbytes


@dataclass(frozen=True, slots=True)
class Prompt:
    """An encoded chat."""

    ids: Ids  # (tokens,), image tokens included
    pictures: tuple[Picture, ...]
    sizes: tuple[int, ...]  # image tokens of each picture
    places: npt.NDArray[np.int64]  # of all image tokens

    @property
    def length(self) -> int:
        """Its tokens."""
        return len(self.ids)

    def ends(self) -> list[int]:
        """Where each picture ends: the place after its last image token."""
        return [int(self.places[last - 1]) + 1 for last in np.cumsum(self.sizes, dtype=int)]

    def beginning(self, end: int) -> tuple[bytes, ...]:
        """What the first `end` tokens are, pictures included."""
        firsts = np.cumsum((0, *self.sizes), dtype=int)[:-1]
        seen = [one.sha256 for one, first in zip(self.pictures, firsts, strict=True) if self.places[first] < end]
        return self.ids[:end].tobytes(), *(name.encode() for name in seen)


class Encoder:
    """Encodes for models whose pictures become one run of features each, put in the places of image tokens."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.image_token = getattr(model.model.config, "image_token_id", None)
        self._marks: dict[tuple[int, int], str | None] = {}  # the processor's text for a picture of this size
        self._features: Kept = Kept()

    def encode(self, messages: Sequence[Message]) -> Prompt:
        """As the model's processor does, which itself sees only the first picture of each size."""
        pictures = tuple(part for one in messages for part in one.parts if isinstance(part, Picture))
        sizes = [one.pixels.shape[:2] for one in pictures]
        if sizes and all(self._marks.get(size) for size in sizes):
            ids = self._ids(messages, sizes)
        else:
            ids = self.model.encode(messages).sequences["input_ids"][0].numpy().astype(np.int32)
            for picture, size in zip(pictures, sizes, strict=True):
                if size not in self._marks:
                    self._marks[size] = self._mark(picture)
            known = sizes and all(self._marks[size] for size in sizes)
            if known and not np.array_equal(ids, self._ids(messages, sizes)):
                self._marks.update(dict.fromkeys(sizes))  # this processor does more: it is always asked
        counts = [
            mark.count(self.model.processor.image_token) if (mark := self._marks[size]) else len(self.features(picture))
            for picture, size in zip(pictures, sizes, strict=True)
        ]
        places = np.flatnonzero(ids == self.image_token) if pictures else np.zeros(0, np.int64)
        if sum(counts) != len(places):
            raise ValueError(f"the prompt has {len(places)} image tokens where its pictures need {sum(counts)}")
        return Prompt(ids, pictures, tuple(counts), places)

    def _ids(self, messages: Sequence[Message], sizes: Sequence[tuple[int, int]]) -> Ids:
        first, *rest = self.model.lay_out(messages).split(self.model.processor.image_token)
        if len(rest) != len(sizes):
            raise ValueError(f"the chat template made {len(rest)} places for {len(sizes)} pictures")
        text = first + "".join(f"{self._marks[size]}{part}" for size, part in zip(sizes, rest, strict=True))
        return np.array(self.model.tokenizer(text)["input_ids"], np.int32)

    def _mark(self, picture: Picture) -> str | None:
        if not hasattr(self.model.processor, "replace_image_token"):
            return None
        seen = self.model.processor.image_processor(
            images=[[Pictures.fromarray(picture.pixels)]], return_row_col_info=True
        )
        mark: str = self.model.processor.replace_image_token(seen, 0)
        return mark

    def features(self, picture: Picture) -> Tensor:
        """What stands in the places of its image tokens, (tokens, width). A picture is encoded alone."""
        found = self._features.get(picture.sha256)
        if found is None:
            pixels = self.model.processor.image_processor(
                images=[[Pictures.fromarray(picture.pixels)]], return_tensors="pt"
            )
            given = {name: pixels[name] for name in ("pixel_values", "pixel_attention_mask") if name in pixels}
            found = torch.cat(tuple(self.model.model.model.get_image_features(**given).pooler_output))
            self._features.put(picture.sha256, found)
        return found
