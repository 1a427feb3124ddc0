"""Examples: chats in tokens, as the engine is given them, and which of them stand in a batch.

What stands in batch `step` follows from (seed, step) alone, so a run can stop anywhere.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.canonical import generator, key
from arena.errors import InputError
from arena.game import Image
from arena.prompts import MARK
from arena.record.asked import Messages
from arena.train.vlm.chats import Chat

Ints = npt.NDArray[np.int32]
THOUGHT, ANSWER, SHOWN = range(3)  # what a token of a response belongs to
PARTS = ("thought", "answer", "shown")
Spans = tuple[tuple[int, int], ...]


class Tokens(NamedTuple):
    """How a model reads and writes."""

    encode: Callable[[Messages], tuple[Ints, Spans]]  # a chat in tokens, and (first, length) of each picture in it
    tokenizer: Any  # of transformers, a fast one
    end: int  # the token that ends what it writes
    context: int | None  # most tokens of prompt and response


@dataclass(frozen=True, slots=True)
class Example:
    """One chat in tokens."""

    prompt: Ints  # int32 (prompt,)
    spans: Spans
    images: tuple[str, ...]  # sha256 of its pictures, in order
    response: Ints  # int32 (response,)
    parts: npt.NDArray[np.uint8]  # (response,): THOUGHT, ANSWER or SHOWN


class Album:
    """Pictures by what they show, each once, compressed."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def add(self, picture: Image) -> str:
        """Its name: sha256 over shape and pixels, in hex."""
        data = np.ascontiguousarray(picture)
        name = sha256(f"{data.shape}".encode() + data.tobytes()).hexdigest()
        if name not in self._kept:
            self._kept[name] = data.shape, zlib.compress(data.tobytes(), 6)
        return name

    def __getitem__(self, name: str) -> Image:
        """uint8 (height, width, 3)."""
        shape, packed = self._kept[name]
        return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(shape)


SHORTER = "choose a shorter prompt (@prompt=), less history or a smaller picture"


def encode(chats: Iterable[Chat], tokens: Tokens, album: Album, shorter: str = SHORTER) -> list[Example]:
    """Chats in tokens; the answer begins at the last "Answer:".

    What the context has no room for is left out, and told: what a picture shows, else the whole chat. InputError if it
    has no room for any. `shorter`: what to do about it.
    """
    out: list[Example] = []
    long: list[str] = []
    for chat in chats:
        prompt, spans = tokens.encode(chat.messages)
        written = tokens.tokenizer(chat.text, add_special_tokens=False, return_offsets_mapping=True)
        begins = chat.text.rfind(MARK)
        parts = [ANSWER if stop > begins else THOUGHT for _, stop in written["offset_mapping"]]
        after = tokens.tokenizer(chat.shown, add_special_tokens=False)["input_ids"] if chat.shown else []
        response = [*written["input_ids"], tokens.end]
        if tokens.context is not None:
            room = tokens.context - len(prompt) - len(response)
            if room < 0:
                long.append(f"{len(prompt)} + {len(response)} tokens, and the model's context {tokens.context:,}")
                continue
            after = after[:room]  # it is never written in play, so what has no room is left out
        pictures = [part for _, said in chat.messages for part in said if not isinstance(part, str)]
        out.append(
            Example(
                np.asarray(prompt, np.int32),
                spans,
                tuple(album.add(picture) for picture in pictures),
                np.array([*response, *after], np.int32),
                np.array([*parts, ANSWER, *[SHOWN] * len(after)], np.uint8),
            )
        )
    if long:
        if not out:
            raise InputError(f"an example of {chat.game} has {long[0]}: {shorter}")
        every = len(long) + len(out)
        print(f"{len(long)} of {every:,} examples of {chat.game} are left out: {shorter}", file=sys.stderr)
        print(f"  the first has {long[0]}", file=sys.stderr)
    return out


def chosen(
    pools: Mapping[str, Sequence[Example]], weights: Mapping[str, float], batch: int, seed: int, step: int
) -> list[Example]:
    """The examples of batch `step`: every pool its share, and each in an order that is shuffled at each pass.

    Over many steps a pool gets its exact share, since the shares are rounded cumulatively.
    """
    names = sorted(pools)
    shares = np.array([weights[name] for name in names], dtype=np.float64)
    shares /= shares.sum()
    ends = np.floor(np.outer([step, step + 1], shares * batch) + 0.5).astype(np.int64)
    out = []
    for name, first, last in zip(names, ends[0], ends[1], strict=True):
        pool = pools[name]
        for place in range(int(first), int(last)):
            turn, index = divmod(place, len(pool))
            out.append(pool[_order(seed, name, turn, len(pool))[index]])
    return out


_orders: dict[str, tuple[tuple[int, int, int], npt.NDArray[np.int64]]] = {}  # of each pool the last one asked for


def _order(seed: int, name: str, turn: int, size: int) -> npt.NDArray[np.int64]:
    asked = seed, turn, size
    found = _orders.get(name)
    if found is None or found[0] != asked:
        found = _orders[name] = asked, generator(key("nano order", seed, name, turn)).permutation(size)
    return found[1]


def weighted(examples: Sequence[Example], weights: Sequence[float]) -> list[npt.NDArray[np.float32]]:
    """The weight of each response's tokens, float32 (response,). Those of the whole batch sum to 1.

    `weights`: of a token of the thought, of the answer, and of what is shown.
    """
    by_part = np.array(weights, dtype=np.float64)
    each = [by_part[example.parts] for example in examples]
    total = sum(float(one.sum()) for one in each)
    if not total > 0:
        raise InputError("no token of a batch has a weight, so nothing would be learned: give one of the weights")
    return [(one / total).astype(np.float32) for one in each]
