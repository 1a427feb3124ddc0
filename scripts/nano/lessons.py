"""Lessons as nano meets them: a picture of 128x128 pixels and the game's short prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.game import GameCard, Image
from arena.prompts import fill
from arena.train import shards
from arena.train.lesson import Lesson

EDGE = 128


@dataclass(frozen=True, slots=True)
class Met:
    """One lesson."""

    game: str
    prompt: str
    stored: shards.Stored

    def image(self) -> Image:
        """uint8 (128, 128, 3)."""
        image = self.stored.image()
        assert image is not None
        return image


def met(card: GameCard, stored: shards.Stored) -> Met:
    """ValueError for a lesson that nano cannot be taught from."""
    if stored.shape != (EDGE, EDGE, 3):
        raise ValueError(f"a lesson of {card.game} has a picture of {stored.shape}; expected {EDGE}x{EDGE}x3")
    return Met(card.game, fill(card, stored.observation, "short"), stored)


def read(files: Sequence[Path]) -> list[Met]:
    """All lessons of some shards, in order."""
    return [met(card, stored) for card, stored in shards.stored(files)]


def unseen(folder: Path, game: str, seed: int, count: int) -> list[Lesson]:
    """The first `count` lessons that no recipe uses."""
    return list(shards.read(shards.make(folder, game, seed, "unseen", count, count, 1)))
