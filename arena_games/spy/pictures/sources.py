"""Where the two pictures of a match come from: generated scenes, generated charts, or a folder of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from arena.game import Image
from arena_games.spy.pictures import charts, folder, render, scene
from arena_games.spy.pictures.charts import Chart, ChartEdit
from arena_games.spy.pictures.fit import BLANK
from arena_games.spy.pictures.scene import Edit, Scene

NAMES = ("scenes", "charts")
Graph = Scene | Chart | None


@dataclass(frozen=True)
class Pair:
    """What civilians see and what the spy sees. Pictures are drawn when they are first asked for."""

    graphs: tuple[Graph, Graph]  # None: nobody knows what the picture shows, or it is blank
    edits: tuple[Edit | ChartEdit, ...]  # of generated twins: what makes the one of the other
    paint: Callable[[], tuple[Image, Image]] = field(repr=False, compare=False)

    @cached_property
    def pictures(self) -> tuple[Image, Image]:
        """Civilians' and the spy's, uint8 of equal shape (height, width, 3), not to be written to."""
        both = self.paint()
        for one in both:
            one.setflags(write=False)
        return both


class Source(Protocol):
    """Gives pairs. All chance comes from the generator."""

    def pair(self, chance: np.random.Generator) -> Pair:
        """The next pair."""
        ...


def source(
    name: str = "scenes", pairs: str = "", blank: bool = False, size: int = 256, *, either: bool = False
) -> Source:
    """The source with a name of NAMES, or of the folder `pairs`, which goes before it.

    `blank`: the spy's picture shows nothing. `size`: pixels of a side of generated pictures. `either`: which of the two
    is the edited one is drawn, as it always is of a folder: where nobody is told its role, what an edit leaves behind
    (labels out of order) must not tell it. ValueError for a folder that is not one of pairs, and for another name.
    """
    if pairs:
        return Folder(folder.folder(Path(pairs)), blank)
    if name not in NAMES:
        raise ValueError(f"pictures={name!r}: expected one of {', '.join(NAMES)}")
    return Scenes(blank, size, either) if name == "scenes" else Charts(blank, size, either)


@dataclass(frozen=True, slots=True)
class Scenes:
    """Scenes, and twins with 1 to 3 edits."""

    blank: bool = False
    size: int = 256
    either: bool = False

    def pair(self, chance: np.random.Generator) -> Pair:
        first = scene.scene(chance)
        second, edits = scene.edited(first, chance)
        if self.blank:
            return Pair((first, None), (), lambda: _blanked(render.draw(first, self.size)))
        if self.either and chance.integers(2):
            first, second = second, first
        return Pair((first, second), edits, lambda: (render.draw(first, self.size), render.draw(second, self.size)))


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts, and twins with 1 to 3 edits."""

    blank: bool = False
    size: int = 256
    either: bool = False

    def pair(self, chance: np.random.Generator) -> Pair:
        first = charts.chart(chance)
        second, edits = charts.edited(first, chance)
        if self.blank:
            return Pair((first, None), (), lambda: _blanked(charts.draw(first, self.size)))
        if self.either and chance.integers(2):
            first, second = second, first
        return Pair((first, second), edits, lambda: (charts.draw(first, self.size), charts.draw(second, self.size)))


@dataclass(frozen=True, slots=True)
class Folder:
    """The pairs of a folder; which of the two pictures the spy sees is drawn as well."""

    folder: folder.Folder
    blank: bool = False

    def pair(self, chance: np.random.Generator) -> Pair:
        index, swapped = int(chance.integers(len(self.folder.pairs))), bool(chance.integers(2))

        def paint() -> tuple[Image, Image]:
            first, second = self.folder.read(index)
            first, second = (second, first) if swapped else (first, second)
            return _blanked(first) if self.blank else (first, second)

        return Pair((None, None), (), paint)


def _blanked(picture: Image) -> tuple[Image, Image]:
    return picture, np.full_like(picture, BLANK)
