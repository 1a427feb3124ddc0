"""From a chat to token ids and picture features, with what was computed for a picture kept for the next time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pictures
from torch import Tensor

from arena.operator import Ids
from arena_operators.vlm.backend import Message, Picture
from arena_operators.vlm.model import Model
from arena_operators.vlm.vision import Tower

Value = TypeVar("Value")
KEPT = 1 << 27  # bytes
TILES = 8  # of pictures, computed at once


class Kept(Generic[Value]):
    """The values that were used last, at most `KEPT` bytes of them."""

    def __init__(self) -> None:
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable) -> Value | None:
        """The value of `key`, if it is still here."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: Value, nbytes: int) -> None:
        """Keep `value`, which nobody changes, and which has `nbytes` bytes."""
        self._bytes += nbytes - self._values.pop(key, (value, 0))[1]
        self._values[key] = value, nbytes
        while self._bytes > KEPT and len(self._values) > 1:
            self._bytes -= self._values.popitem(last=False)[1][1]


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

    def __init__(self, model: Model, tower: Tower | None) -> None:
        """`tower`: computes the features of pictures that it takes."""
        self.model = model
        self._tower = tower
        self.image_token = getattr(model.model.config, "image_token_id", None)
        self._marks: dict[tuple[int, int], str | None] = {}  # the processor's text for a picture of this size
        self._plain: dict[tuple[int, int], bool] = {}  # of this size: the processor only scales values
        self._values: npt.NDArray[np.float32] | None = None  # (channels, 256): what it makes of each value
        self._features: Kept[Tensor] = Kept()
        self._texts: Kept[Ids] = Kept()

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
        ids = self._texts.get(text)
        if ids is None:
            ids = np.array(self.model.tokenizer(text)["input_ids"], np.int32)
            self._texts.put(text, ids, ids.nbytes + len(text))
        return ids

    def _mark(self, picture: Picture) -> str | None:
        if not hasattr(self.model.processor, "replace_image_token"):
            return None
        seen = self.model.processor.image_processor(
            images=[[Pictures.fromarray(picture.pixels)]], return_row_col_info=True
        )
        mark: str = self.model.processor.replace_image_token(seen, 0)
        return mark

    def features(self, picture: Picture) -> Tensor:
        """What stands in the places of its image tokens, (tokens, width)."""
        found = self._features.get(picture.sha256)
        if found is None:
            (found,) = self.look([picture])
        return found

    def look(self, pictures: Sequence[Picture]) -> list[Tensor]:
        """As `features`, of several, which are kept. No picture's numbers depend on the others."""
        if not pictures:
            return []
        read = [self.tiles(one) for one in pictures]
        if self._tower is None or not all(self._tower.takes(*one) for one in read):
            inner = self.model.model.model
            masks = [{} if mask is None else {"pixel_attention_mask": mask[None]} for _, mask in read]
            made = [
                torch.cat(tuple(inner.get_image_features(pixel_values=tiles[None], **mask).pooler_output))
                for (tiles, _), mask in zip(read, masks, strict=True)
            ]
        else:
            every = [tile for tiles, _ in read for tile in tiles]
            seen = [self._tower.features(torch.stack(every[at : at + TILES])) for at in range(0, len(every), TILES)]
            made = [part.flatten(0, 1) for part in torch.cat(seen).split([len(tiles) for tiles, _ in read])]
        for picture, found in zip(pictures, made, strict=True):
            self._features.put(picture.sha256, found, found.nbytes)
        return made

    def unseen(self, pictures: Iterable[Picture]) -> list[Picture]:
        """Those of which nothing is kept, each once."""
        return list({one.sha256: one for one in pictures if self._features.get(one.sha256) is None}.values())

    def tiles(self, picture: Picture) -> tuple[Tensor, Tensor | None]:
        """Its tiles (tiles, channels, height, width) as the processor makes them, and what of them is not padding.

        None: all of it.
        """
        size = picture.pixels.shape[:2]
        if self._plain.get(size):
            return self._scaled(picture), None
        processor = self.model.processor.image_processor
        given = processor(images=[[Pictures.fromarray(picture.pixels)]], return_tensors="pt")
        tiles = given["pixel_values"][0].to(self.model.model.dtype)
        mask = given["pixel_attention_mask"][0] if "pixel_attention_mask" in given else None
        if size not in self._plain:
            plain = hasattr(processor, "rescale_factor") and (mask is None or bool(mask.all()))
            self._plain[size] = plain and torch.equal(self._scaled(picture), tiles)
        # The first picture of a size is given as all that follow: rows of equal shape are computed together.
        return tiles, None if mask is not None and bool(mask.all()) else mask

    def _scaled(self, picture: Picture) -> Tensor:
        """What a processor makes of a picture that it only scales."""
        if self._values is None:
            processor = self.model.processor.image_processor
            scaled = (np.arange(256, dtype=np.uint8) * processor.rescale_factor).astype(np.float32)[:, None]
            mean, std = (np.array(values, np.float32) for values in (processor.image_mean, processor.image_std))
            self._values = ((scaled - mean) / std).T
        tiles = np.stack([of[picture.pixels[..., channel]] for channel, of in enumerate(self._values)])
        return torch.from_numpy(tiles)[None].to(self.model.model.dtype)
