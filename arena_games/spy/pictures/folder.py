"""A folder of picture pairs: for each pair NAME-a.EXT (what civilians see) and NAME-b.EXT (what the spy sees).

EXT is png, jpg, jpeg, webp or bmp, and need not be the same for both. Nothing else may be in the folder but files whose
names begin with a dot, and folders, which are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from arena.game import Image
from arena_games import folders

SMALLEST = 16  # pixels of the shorter side
MOST_PAIRS = 10_000
LAYOUT = "a pair is NAME-a.png and NAME-b.png (or .jpg, .jpeg, .webp, .bmp)"


@dataclass(frozen=True, slots=True)
class Folder:
    """The pairs of a folder, in the order of their names."""

    found: folders.Pictures
    pairs: tuple[tuple[str, str], ...]  # names of files: civilians', spy's

    def read(self, index: int) -> tuple[Image, Image]:
        """The pictures of a pair, uint8 (height, width, 3). ValueError if a file changed since the folder was read."""
        first, second = self.pairs[index]
        return self.found.read(first), self.found.read(second)


def folder(path: Path) -> Folder:
    """Reads and checks a folder of pairs. ValueError for what is wrong with it, with the file's name."""
    expected = f"a folder of picture pairs: {LAYOUT}"
    return _checked(folders.pictures(path, "pairs", expected, most=2 * MOST_PAIRS, least=SMALLEST))


@lru_cache(maxsize=4)
def _checked(found: folders.Pictures) -> Folder:
    """Every match asks for the folder, and its pictures are read once."""
    out = Folder(found, _paired(found.path, [name for name, _ in found.files]))
    for at in range(len(out.pairs)):
        _check(out, at)
    return out


def _paired(path: Path, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The names of the files of each pair."""
    sides: dict[str, dict[str, str]] = {}
    for name in names:
        pair, _, side = Path(name).stem.rpartition("-")
        if side not in ("a", "b") or not pair:
            raise ValueError(f"pairs={path}: {name} is not part of a pair: {LAYOUT}. Rename it or move it away")
        other = sides.setdefault(pair, {}).setdefault(side, name)
        if other != name:
            raise ValueError(f"pairs={path}: {other} and {name} are the same side of one pair: remove one of them")
    for pair, found in sides.items():
        if len(found) == 1:
            (side, name), missing = *found.items(), "b" if "a" in found else "a"
            raise ValueError(
                f"pairs={path}: {name} has no twin: expected {pair}-{missing}{Path(name).suffix} beside it"
            )
    return tuple((found["a"], found["b"]) for _, found in sorted(sides.items()))


def _check(folder: Folder, at: int) -> None:
    path, pair = folder.found.path, folder.pairs[at]
    first, second = folder.read(at)
    if first.shape != second.shape:
        sizes = " and ".join(f"{one.shape[1]} x {one.shape[0]}" for one in (first, second))
        raise ValueError(f"pairs={path}: {pair[0]} and {pair[1]} are {sizes} pixels: a pair must be of one size")
    if np.array_equal(first, second):
        raise ValueError(f"pairs={path}: {pair[0]} and {pair[1]} show the same: the spy's picture must differ")
