"""Where the two pictures of a match come from: generated scenes, generated charts, or a folder of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image as Pillow

from arena.game import Image
from arena_games.spy.pictures import charts, folder, render, scene
from arena_games.spy.pictures.charts import Chart, ChartEdit
from arena_games.spy.pictures.scene import Edit, Scene

NAMES = ("scenes", "charts")
BLANK = 128  # the grey of a blank picture
Graph = Scene | Chart | None


@dataclass(frozen=True)
class Pair:
    """What civilians see and what the spy sees. Pictures are drawn when they are first asked for."""

    graphs: tuple[Graph, Graph]  # None: nobody knows what the picture shows, or it is blank
    edits: tuple[Edit | ChartEdit, ...]  # of generated twins
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


def source(name: str = "scenes", pairs: str = "", blank: bool = False, size: int = 256) -> Source:
    """The source with a name of NAMES, or of the folder `pairs`, which goes before it.

    `blank`: the spy's picture shows nothing. `size`: pixels of a side of generated pictures. ValueError for a folder
    that is not one of pairs, and for another name.
    """
    if pairs:
        return Folder(folder.folder(Path(pairs)), blank)
    if name not in NAMES:
        raise ValueError(f"pictures={name!r}: expected one of {', '.join(NAMES)}")
    return Scenes(blank, size) if name == "scenes" else Charts(blank, size)


@dataclass(frozen=True, slots=True)
class Scenes:
    """Scenes, and twins with 1 to 3 edits."""

    blank: bool = False
    size: int = 256

    def pair(self, chance: np.random.Generator) -> Pair:
        first = scene.scene(chance)
        second, edits = scene.edited(first, chance)
        if self.blank:
            return Pair((first, None), (), lambda: _blanked(render.draw(first, self.size)))
        return Pair((first, second), edits, lambda: (render.draw(first, self.size), render.draw(second, self.size)))


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts, and twins with 1 to 3 edits."""

    blank: bool = False
    size: int = 256

    def pair(self, chance: np.random.Generator) -> Pair:
        first = charts.chart(chance)
        second, edits = charts.edited(first, chance)
        if self.blank:
            return Pair((first, None), (), lambda: _blanked(charts.draw(first, self.size)))
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


def fitted(picture: Image, height: int, width: int) -> Image:
    """The whole picture in one of uint8 (height, width, 3), with grey beside it where the shapes differ."""
    high, wide = picture.shape[:2]
    if (high, wide) == (height, width):
        return picture.copy()
    scale = min(height / high, width / wide)
    inner = max(1, round(wide * scale)), max(1, round(high * scale))
    kind = Pillow.Resampling.BOX if scale < 1 else Pillow.Resampling.BILINEAR
    out = Pillow.new("RGB", (width, height), (BLANK,) * 3)
    out.paste(Pillow.fromarray(picture).resize(inner, kind), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return np.array(out)


def _blanked(picture: Image) -> tuple[Image, Image]:
    return picture, np.full_like(picture, BLANK)
