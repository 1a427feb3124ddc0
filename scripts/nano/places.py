"""Teaches the tower that sees which thing stands where in scenes of spy: by places, not by words.

That a picture has "a small red cube" somewhere says little of where to look for it. Here every image token is read by
the same linear reader for the four patches that it is made of: whether the middle of a thing is in each, and its
shape, colour, size and material (as detectors that are trained by cells: Redmon et al., 2016, arXiv 1506.02640,
section 2). A scene so gives as many signals as it has things. Scenes are drawn while others are learned from, and come
again as they were not drawn: moved, nearer, mirrored, in exchanged colours.
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
from arena.pool import pool
from arena_games.spy.pictures import geometry, render, scene

EDGE, PATCHES, BLOCK = 128, 8, 2  # pixels of a side; patches of a side; patches of an image token's side
AHEAD = 6  # chunks that are drawn ahead
HELD = 512  # scenes that are not learned from
FRESH = 4  # one scene of so many is new, the others are varied ones of before
FIRST, BANK = 1_024, 16_384  # scenes of before: at the beginning, and at most
AS_DRAWN, EXCHANGED = 0.3, 0.4  # part of varied scenes that are not varied, and of the others those of other colours
NEAR, MOVED = (0.9, 1.15), 0.16  # how much nearer they are; how far moved at most, in half edges
KINDS = scene.ATTRIBUTES
WEIGHTS = {"shape": 3.0, "colour": 1.0, "size": 1.0, "material": 1.5}  # what is hard to see counts more
OUTPUTS = 1 + sum(map(len, KINDS.values()))  # of a patch: whether a thing is there, and each word
NOWHERE = -100  # of `functional.cross_entropy`: not counted


class Scenes(NamedTuple):
    """Pictures, and what stands in them."""

    pixels: npt.NDArray[np.uint8]  # (scenes, EDGE, EDGE, 3)
    things: npt.NDArray[np.float32]  # (scenes, scene.MOST, 2 + KINDS): row and column of the middle, words; far to near

    @property
    def words(self) -> npt.NDArray[np.int64]:
        """What stands in each patch, as (scenes, tokens, patches of a token, KINDS).

        NOWHERE where no thing has its middle; of two things it is the nearer one.
        """
        out = np.full((len(self.things), PATCHES, PATCHES, len(KINDS)), NOWHERE, np.int64)
        cells = np.floor(self.things[..., :2] * PATCHES / EDGE)
        inside = (cells >= 0).all(-1) & (cells < PATCHES).all(-1)
        for at in range(self.things.shape[1]):
            rows = np.flatnonzero(inside[:, at])
            where = cells[rows, at].astype(int)
            out[rows, where[:, 0], where[:, 1]] = self.things[rows, at, 2:]
        tokens = PATCHES // BLOCK
        apart = out.reshape(-1, tokens, BLOCK, tokens, BLOCK, len(KINDS)).swapaxes(2, 3)
        return apart.reshape(-1, tokens * tokens, BLOCK * BLOCK, len(KINDS))


def drawn(seed: int, chunk: int, size: int) -> Scenes:
    """So many scenes; equal numbers give equal ones."""
    chance = generator(key("nano places", seed, chunk))
    return of_graphs([scene.scene(chance) for _ in range(size)])


def of_graphs(graphs: Sequence[scene.Scene]) -> Scenes:
    """Drawn scenes."""
    pixels = np.stack([render.draw(one, EDGE) for one in graphs])
    return Scenes(pixels, np.stack([_things(one) for one in graphs]))


def _things(graph: scene.Scene) -> npt.NDArray[np.float32]:
    out = np.full((scene.MOST, 2 + len(KINDS)), NOWHERE, np.float32)
    solids = [thing.solid for thing in graph.things]
    for place, at in enumerate(geometry.from_far(solids)):
        middle = [(one.start + one.stop) / 2 for one in geometry.frame(solids[at].box(), EDGE)]
        out[place] = [*middle, *(words.index(getattr(graph.things[at], kind)) for kind, words in KINDS.items())]
    return out


def varied(scenes: Scenes, chance: np.random.Generator) -> Scenes:
    """The same scenes as they were not drawn: most of them moved, nearer or farther, half of these mirrored.

    Colours are exchanged in a third, and are then not read: what is learnt there is shape.
    """
    size = len(scenes.pixels)
    as_drawn = chance.random(size) < AS_DRAWN
    side = np.where((chance.random(size) < 0.5) & ~as_drawn, -1.0, 1.0)
    near = np.where(as_drawn, 1.0, chance.uniform(*NEAR, size))
    moved = np.where(as_drawn[:, None], 0.0, chance.uniform(-MOVED, MOVED, (size, 2)))  # rows, columns; of half an edge
    back = np.zeros((size, 2, 3), np.float32)  # from where in the old picture each point of the new one is taken
    back[:, 0, 0], back[:, 0, 2] = side / near, moved[:, 1]
    back[:, 1, 1], back[:, 1, 2] = 1 / near, moved[:, 0]
    values = torch.from_numpy(scenes.pixels).permute(0, 3, 1, 2).float()
    grid = functional.affine_grid(torch.from_numpy(back), list(values.shape), align_corners=False)
    taken = functional.grid_sample(values, grid, padding_mode="border", align_corners=False)
    pixels = taken.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()
    pixels[as_drawn] = scenes.pixels[as_drawn]
    things = scenes.things.copy()
    half = EDGE / 2
    for axis, place in ((0, 1), (1, 0)):  # rows are y, which is the second of a point
        scale = back[:, None, place, place]
        things[..., axis] = ((things[..., axis] - half) / half - moved[:, None, axis]) / scale * half + half
    nothing = scenes.things[..., 2] == NOWHERE
    for row in np.flatnonzero((chance.random(size) < EXCHANGED) & ~as_drawn):
        pixels[row] = pixels[row][..., chance.permutation(3)]
        things[row, :, 2 + [*KINDS].index("colour")] = NOWHERE
    things[nothing] = NOWHERE
    return Scenes(pixels, things)


@contextmanager
def stream(seed: int, size: int) -> Iterator[Iterator[Scenes]]:
    """Chunks of so many scenes, without an end: a quarter new, the rest varied ones of before.

    A process draws ahead until the context ends.
    """
    fresh = -(-size // FRESH)
    with pool(1) as drawing:
        waiting: deque[Future[Scenes]] = deque()

        def chunks() -> Iterator[Scenes]:
            chance = generator(key("nano places varied", seed))
            first = drawn(seed, 1, FIRST)  # chunk 0 is held out
            bank, known = Scenes(*(np.empty((BANK, *part.shape[1:]), part.dtype) for part in first)), 0
            for chunk in count(2):
                waiting.append(drawing.submit(drawn, seed, chunk, fresh))
                if len(waiting) >= AHEAD:
                    new = waiting.popleft().result() if known else first
                    rows = np.arange(known, known + len(new.pixels)) % BANK
                    for part, more in zip(bank, new, strict=True):
                        part[rows] = more
                    known += len(rows)
                    again = chance.choice(min(known, BANK), size - fresh)
                    old = varied(Scenes(*(part[again] for part in bank)), chance)
                    yield Scenes(*(np.concatenate([a[:fresh], b]) for a, b in zip(new, old, strict=True)))

        yield chunks()
        drawing.shutdown(cancel_futures=True)


class Reader(torch.nn.Module):
    """Reads what stands in its patches off an image token."""

    def __init__(self, width: int) -> None:
        """`width`: of a token."""
        super().__init__()
        self.linear = torch.nn.Linear(width, BLOCK * BLOCK * OUTPUTS)
        torch.nn.init.normal_(self.linear.weight, std=0.1 / width**0.5)
        torch.nn.init.zeros_(self.linear.bias)

    def _parts(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """Of tokens (scenes, tokens, width), by patch: whether a thing is there, and the words of each kind."""
        read = self.linear(tokens).unflatten(-1, (BLOCK * BLOCK, OUTPUTS))
        return list(read.split([1, *map(len, KINDS.values())], -1))

    def loss(self, tokens: torch.Tensor, words: npt.NDArray[np.int64]) -> torch.Tensor:
        """Mean over scenes of the sum over patches of the cross entropies, in nats."""
        truth = torch.from_numpy(words)
        there, *kinds = self._parts(tokens)
        shown = (truth[..., 0] != NOWHERE).float()
        loss = functional.binary_cross_entropy_with_logits(there[..., 0], shown, reduction="sum")
        for number, (name, kind) in enumerate(zip(KINDS, kinds, strict=True)):
            flat, true = kind.flatten(0, -2), truth[..., number].flatten()
            loss = loss + WEIGHTS[name] * functional.cross_entropy(flat, true, ignore_index=NOWHERE, reduction="sum")
        return loss / len(words)

    @torch.no_grad()
    def right(self, tokens: torch.Tensor, words: npt.NDArray[np.int64]) -> dict[str, float]:
        """The share of things that it finds, of those that are true, and of things whose word of a kind is right."""
        truth = torch.from_numpy(words)
        shown = truth[..., 0] != NOWHERE
        there, *kinds = self._parts(tokens)
        found = there[..., 0] > 0
        out = {
            "found": float((found & shown).sum() / shown.sum()),
            "true": float((found & shown).sum() / found.sum().clamp(min=1)),
        }
        for number, (name, kind) in enumerate(zip(KINDS, kinds, strict=True)):
            out[name] = float((kind.argmax(-1) == truth[..., number])[shown].float().mean())
        return out
