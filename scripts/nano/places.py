"""Teaches the tower that sees which thing stands where in pictures: by places, not by words.

That a picture has "a small red cube" somewhere says little of where to look for it. Here every image token is read by
the same linear reader for the four patches that it is made of: whether the middle of a thing is in each, and what is
said of it (as detectors that are trained by cells: Redmon et al., 2016, arXiv 1506.02640, section 2). A picture so
gives as many signals as it has things. Pictures are drawn while others are learned from, and come again as they were
not drawn: moved, nearer, and where nothing forbids it mirrored or in exchanged colours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from arena.canonical import generator, key
from arena.game import Image
from arena.pool import pool
from scripts.nano.pictures import EDGE, SORTS, Sort, Things

PATCHES, BLOCK = 8, 2  # patches of a side; patches of an image token's side
AHEAD = 6  # chunks that are drawn ahead
HELD = 512  # pictures that are not learned from
FRESH = 4  # one picture of so many is new, the others are varied ones of before
FIRST, BANK = 1_024, 16_384  # pictures of before: at the beginning, and at most
AS_DRAWN, EXCHANGED = 0.3, 0.4  # part of varied pictures that are not varied, and of the others those of other colours
NEAR, MOVED = (0.9, 1.15), 0.16  # how much nearer they are; how far moved at most, in half edges
NOWHERE = -100  # of `functional.cross_entropy`: not counted


class Pictures(NamedTuple):
    """Pictures, and what stands in them."""

    pixels: npt.NDArray[np.uint8]  # (pictures, EDGE, EDGE, 3)
    things: npt.NDArray[np.float32]  # (pictures, most things, 2 + kinds): row and column of the middle, words

    @property
    def words(self) -> npt.NDArray[np.int64]:
        """What stands in each patch, as (pictures, tokens, patches of a token, kinds).

        NOWHERE where no thing has its middle; of two things it is the later one.
        """
        kinds = self.things.shape[2] - 2
        out = np.full((len(self.things), PATCHES, PATCHES, kinds), NOWHERE, np.int64)
        cells = np.floor(self.things[..., :2] * PATCHES / EDGE)
        inside = (cells >= 0).all(-1) & (cells < PATCHES).all(-1)
        for at in range(self.things.shape[1]):
            rows = np.flatnonzero(inside[:, at])
            where = cells[rows, at].astype(int)
            out[rows, where[:, 0], where[:, 1]] = self.things[rows, at, 2:]
        tokens = PATCHES // BLOCK
        apart = out.reshape(-1, tokens, BLOCK, tokens, BLOCK, kinds).swapaxes(2, 3)
        return apart.reshape(-1, tokens * tokens, BLOCK * BLOCK, kinds)


def drawn(sort: str, seed: int, chunk: int, size: int) -> Pictures:
    """So many pictures of a sort; equal numbers give equal ones."""
    chance = generator(key("nano places", sort, seed, chunk))
    return labelled(SORTS[sort], [SORTS[sort].make(chance) for _ in range(size)])


def labelled(sort: Sort, made: Sequence[tuple[Image, Things]]) -> Pictures:
    """Pictures with their things in numbers."""
    things = np.full((len(made), sort.most, 2 + len(sort.kinds)), NOWHERE, np.float32)
    for picture, (_, found) in enumerate(made):
        for at, (row, column, said) in enumerate(found):
            numbers = [words.index(word) for words, word in zip(sort.kinds.values(), said, strict=True)]
            things[picture, at] = [row, column, *numbers]
    return Pictures(np.stack([pixels for pixels, _ in made]), things)


def varied(pictures: Pictures, sort: Sort, chance: np.random.Generator) -> Pictures:
    """The same pictures as they were not drawn: most of them moved, nearer or farther.

    Of a sort that may be, half of these are mirrored, and in a third colours are exchanged, which are then not read:
    what is learnt there is shape.
    """
    size = len(pictures.pixels)
    as_drawn = chance.random(size) < AS_DRAWN
    side = np.where((chance.random(size) < 0.5 * sort.mirrored) & ~as_drawn, -1.0, 1.0)
    near = np.where(as_drawn, 1.0, chance.uniform(*NEAR, size))
    moved = np.where(as_drawn[:, None], 0.0, chance.uniform(-MOVED, MOVED, (size, 2)))  # rows, columns; of half an edge
    back = np.zeros((size, 2, 3), np.float32)  # from where in the old picture each point of the new one is taken
    back[:, 0, 0], back[:, 0, 2] = side / near, moved[:, 1]
    back[:, 1, 1], back[:, 1, 2] = 1 / near, moved[:, 0]
    values = torch.from_numpy(pictures.pixels).permute(0, 3, 1, 2).float()
    grid = functional.affine_grid(torch.from_numpy(back), list(values.shape), align_corners=False)
    taken = functional.grid_sample(values, grid, padding_mode="border", align_corners=False)
    pixels = taken.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()
    pixels[as_drawn] = pictures.pixels[as_drawn]
    things = pictures.things.copy()
    half = EDGE / 2
    for axis, place in ((0, 1), (1, 0)):  # rows are y, which is the second of a point
        scale = back[:, None, place, place]
        things[..., axis] = ((things[..., axis] - half) / half - moved[:, None, axis]) / scale * half + half
    if sort.mirrored:
        for row in np.flatnonzero((chance.random(size) < EXCHANGED) & ~as_drawn):
            pixels[row] = pixels[row][..., chance.permutation(3)]
            things[row, :, 2 + [*sort.kinds].index("colour")] = NOWHERE
    things[pictures.things[..., 2] == NOWHERE] = NOWHERE
    return Pictures(pixels, things)


@contextmanager
def stream(sort: str, seed: int, size: int) -> Iterator[Iterator[Pictures]]:
    """Chunks of so many pictures, without an end: a quarter new, the rest varied ones of before.

    A process draws ahead until the context ends.
    """
    fresh = -(-size // FRESH)
    with pool(1) as drawing:
        waiting: deque[Future[Pictures]] = deque()

        def chunks() -> Iterator[Pictures]:
            chance = generator(key("nano places varied", sort, seed))
            first = drawn(sort, seed, 1, FIRST)  # chunk 0 is held out
            bank, known = Pictures(*(np.empty((BANK, *part.shape[1:]), part.dtype) for part in first)), 0
            for chunk in count(2):
                waiting.append(drawing.submit(drawn, sort, seed, chunk, fresh))
                if len(waiting) >= AHEAD:
                    new = waiting.popleft().result() if known else first
                    rows = np.arange(known, known + len(new.pixels)) % BANK
                    for part, more in zip(bank, new, strict=True):
                        part[rows] = more
                    known += len(rows)
                    again = chance.choice(min(known, BANK), size - fresh)
                    old = varied(Pictures(*(part[again] for part in bank)), SORTS[sort], chance)
                    yield Pictures(*(np.concatenate([a[:fresh], b]) for a, b in zip(new, old, strict=True)))

        yield chunks()
        drawing.shutdown(cancel_futures=True)


class Reader(torch.nn.Module):
    """Reads what stands in its patches off an image token."""

    def __init__(self, sort: Sort, width: int) -> None:
        """`width`: of a token."""
        super().__init__()
        self.sort, self.parts = sort, [1, *map(len, sort.kinds.values())]  # whether a thing is there, and each word
        self.linear = torch.nn.Linear(width, BLOCK * BLOCK * sum(self.parts))
        torch.nn.init.normal_(self.linear.weight, std=0.1 / width**0.5)
        torch.nn.init.zeros_(self.linear.bias)

    def _read(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """Of tokens (pictures, tokens, width), by patch: whether a thing is there, and the words of each kind."""
        return list(self.linear(tokens).unflatten(-1, (BLOCK * BLOCK, sum(self.parts))).split(self.parts, -1))

    def loss(self, tokens: torch.Tensor, words: npt.NDArray[np.int64]) -> torch.Tensor:
        """Mean over pictures of the sum over patches of the weighted cross entropies, in nats."""
        truth = torch.from_numpy(words)
        there, *kinds = self._read(tokens)
        shown = (truth[..., 0] != NOWHERE).float()
        loss = functional.binary_cross_entropy_with_logits(there[..., 0], shown, reduction="sum")
        for number, (weight, kind) in enumerate(zip(self.sort.weights.values(), kinds, strict=True)):
            flat, true = kind.flatten(0, -2), truth[..., number].flatten()
            loss = loss + weight * functional.cross_entropy(flat, true, ignore_index=NOWHERE, reduction="sum")
        return loss / len(words)

    @torch.no_grad()
    def right(self, tokens: torch.Tensor, words: npt.NDArray[np.int64]) -> dict[str, float]:
        """The share of things that it finds, of those that are true, and of things whose word of a kind is right."""
        truth = torch.from_numpy(words)
        shown = truth[..., 0] != NOWHERE
        there, *kinds = self._read(tokens)
        found = there[..., 0] > 0
        out = {
            "found": float((found & shown).sum() / shown.sum()),
            "true": float((found & shown).sum() / found.sum().clamp(min=1)),
        }
        for number, (name, kind) in enumerate(zip(self.sort.kinds, kinds, strict=True)):
            out[name] = float((kind.argmax(-1) == truth[..., number])[shown].float().mean())
        return out
