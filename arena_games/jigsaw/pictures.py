"""Where the pictures of jigsaws are from: generated scenes, or a folder of the user's."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from arena.game import Image
from arena_games import folders
from arena_games.jigsaw.cutting import SIDE

SMALLEST = 120  # pixels of the shorter side
MOST = 2000  # pictures
THINGS = (6, 8)  # in a scene: as many as there may be, so that few pieces are empty
LARGER = 80  # pixels that a scene is drawn larger; a part of it is taken, so that its sides are not alike
TOP = 30  # pixels that are cut off above: mostly floor
BESIDE = 20  # pixels that the part taken is at least left or right of the middle


def scene(chance: np.random.Generator) -> Image:
    """A generated scene, uint8 (SIDE, SIDE, 3)."""
    from arena_games.spy.pictures import render, scene

    drawn = render.draw(scene.scene(chance, THINGS), SIDE + LARGER)
    beside = int(chance.integers(BESIDE, LARGER // 2 + 1)) * (1 if chance.random() < 0.5 else -1)
    left = LARGER // 2 + beside
    return drawn[TOP : TOP + SIDE, left : left + SIDE]


@dataclass(frozen=True)
class Folder:
    """The pictures of a folder, in the order of their names."""

    found: folders.Pictures

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with its files, but for their content."""
        same, faults = dict[str, str](), [*self.found.faults]
        for name, value in self.found.files:
            if same.setdefault(value, name) != name:
                faults.append(f"{same[value]} and {name} are the same file. Remove one of them")
        return tuple(faults)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.found.files)

    def __call__(self, chance: np.random.Generator) -> Image:
        """One of them by chance, uint8 (SIDE, SIDE, 3)."""
        return self.read(int(chance.integers(len(self.names))))

    def read(self, at: int) -> Image:
        """One of them: its middle square, uint8 (SIDE, SIDE, 3). ValueError if it is no picture, or has changed."""
        return _square(self.found, self.names[at])

    def readable(self) -> Folder:
        """Without those that `read` raises for."""
        files = list[tuple[str, str]]()
        for at, file in enumerate(self.found.files):
            try:
                self.read(at)
            except ValueError:
                continue
            files.append(file)
        return Folder(replace(self.found, files=tuple(files)))


def folder(given: str) -> Folder:
    """The pictures of a folder. ValueError if there is none; its `faults` and `read` say what is wrong with files."""
    expected = f"a folder of pictures ({', '.join(ending[1:] for ending in folders.ENDINGS)}) and nothing else"
    return Folder(folders.pictures(Path(given), "pictures", expected, most=MOST, least=SMALLEST))


@functools.lru_cache(maxsize=32)
def _square(found: folders.Pictures, name: str) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageOps

    out = np.array(ImageOps.fit(Pillow.fromarray(found.read(name)), (SIDE, SIDE), Pillow.Resampling.BOX))
    out.flags.writeable = False
    return out
