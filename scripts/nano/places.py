"""Teaches the tower that sees which thing stands where in scenes of spy: by places, not by words.

That a picture has "a small red cube" somewhere says little of where to look for it. Here every image token is read by
the same linear reader for the four patches that it is made of: whether the middle of a thing is in each, and its
shape, colour, size and material (as detectors that are trained by cells: Redmon et al., 2016, arXiv 1506.02640,
section 2). A scene so gives as many signals as it has things, and none is seen twice: they are drawn while others are
learned from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
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
KINDS = scene.ATTRIBUTES
OUTPUTS = 1 + sum(map(len, KINDS.values()))  # of a patch: whether a thing is there, and each word
NOWHERE = -100  # of `functional.cross_entropy`: not counted


class Scenes(NamedTuple):
    """Drawn scenes, and what stands in each patch."""

    pixels: npt.NDArray[np.uint8]  # (scenes, EDGE, EDGE, 3)
    words: npt.NDArray[np.int64]  # (scenes, tokens, patches of a token, KINDS), NOWHERE where no thing has its middle


def drawn(seed: int, chunk: int, size: int) -> Scenes:
    """So many scenes; equal numbers give equal ones."""
    chance = generator(key("nano places", seed, chunk))
    graphs = [scene.scene(chance) for _ in range(size)]
    return Scenes(np.stack([render.draw(one, EDGE) for one in graphs]), np.stack([places(one) for one in graphs]))


def places(graph: scene.Scene) -> npt.NDArray[np.int64]:
    """The words of the things by the patch that has their middle, as in Scenes; of two, those of the nearer one."""
    out = np.full((PATCHES, PATCHES, len(KINDS)), NOWHERE, np.int64)
    solids = [thing.solid for thing in graph.things]
    for at in geometry.from_far(solids):
        rows, columns = geometry.frame(solids[at].box(), EDGE)
        row, column = ((one.start + one.stop) * PATCHES // (2 * EDGE) for one in (rows, columns))
        thing = graph.things[at]
        out[row, column] = [words.index(getattr(thing, kind)) for kind, words in KINDS.items()]
    tokens = PATCHES // BLOCK
    apart = out.reshape(tokens, BLOCK, tokens, BLOCK, len(KINDS)).swapaxes(1, 2)
    return apart.reshape(tokens * tokens, BLOCK * BLOCK, len(KINDS))


@contextmanager
def stream(seed: int, size: int) -> Iterator[Iterator[Scenes]]:
    """Chunks of so many scenes, without an end; a process draws ahead until the context ends."""
    with pool(1) as drawing:
        waiting: deque[Future[Scenes]] = deque()

        def chunks() -> Iterator[Scenes]:
            for chunk in count(1):  # chunk 0 is held out
                waiting.append(drawing.submit(drawn, seed, chunk, size))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()

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
        for number, kind in enumerate(kinds):
            loss = loss + functional.cross_entropy(
                kind.flatten(0, -2), truth[..., number].flatten(), ignore_index=NOWHERE, reduction="sum"
            )
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
