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
from arena_games.spy.pictures.fit import fitted

SMALLEST = 16  # pixels of the shorter side
LEAST = 128  # pixels of a side of the smallest picture that seats are shown
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
    names = [name for name, _ in found.files]
    pairs, faults = _paired(names)
    paired = {name for pair in pairs for name in pair}
    faults += [fault for name in names if name not in paired for fault in _read(found, name)[1]]
    faults += [fault for pair in pairs for fault in _faults(found, pair)]
    folders.refuse("pairs", found.path, [*found.faults, *faults])
    return Folder(found, pairs)


def _paired(names: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """The names of the files of each pair; and what is wrong with the others, and what to do."""
    sides, faults = dict[str, dict[str, str]](), list[str]()
    for name in names:
        pair, _, side = Path(name).stem.rpartition("-")
        if side not in ("a", "b") or not pair:
            faults.append(f"{name} is not part of a pair: {LAYOUT}. Rename it or move it away")
            continue
        other = sides.setdefault(pair, {}).setdefault(side, name)
        if other != name:
            faults.append(f"{other} and {name} are the same side of one pair: remove one of them")
    for pair, found in sides.items():
        if len(found) == 1:
            (side, name), missing = *found.items(), "b" if "a" in found else "a"
            faults.append(
                f"{name} has no twin: expected {pair}-{missing}{Path(name).suffix} beside it. Add that, or move it away"
            )
    return tuple((found["a"], found["b"]) for _, found in sorted(sides.items()) if len(found) == 2), faults


def _read(found: folders.Pictures, *names: str) -> tuple[list[Image], list[str]]:
    """The pictures of these files, and what is wrong with those that are none."""
    read, faults = list[Image](), list[str]()
    for name in names:
        try:
            read.append(found.read(name))
        except ValueError as error:
            faults.append(str(error))
    return read, faults


def _faults(found: folders.Pictures, pair: tuple[str, str]) -> list[str]:
    """What is wrong with a pair, and what to do."""
    read, faults = _read(found, *pair)
    if faults:
        return faults
    first, second = read
    both = f"{pair[0]} and {pair[1]}"
    if first.shape != second.shape:
        sizes = " and ".join(f"{one.shape[1]} x {one.shape[0]}" for one in (first, second))
        return [f"{both} are {sizes} pixels: a pair must be of one size. Crop or resize one of them"]
    if np.array_equal(first, second):
        return [f"{both} show the same: the spy's picture must differ. Change one, or remove both"]
    if np.array_equal(fitted(first, LEAST, LEAST), fitted(second, LEAST, LEAST)):
        return [
            f"{both} are the same at {LEAST} x {LEAST} pixels, as small models are shown them: make what differs "
            "larger, cut the rest off, or remove both"
        ]
    return []
