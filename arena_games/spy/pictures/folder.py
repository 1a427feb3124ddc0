"""A folder of picture pairs: for each pair NAME-a.EXT (what civilians see) and NAME-b.EXT (what the spy sees).

EXT is png, jpg, jpeg, webp or bmp, and need not be the same for both. Nothing else may be in the folder but files whose
names begin with a dot, and folders, which are not looked at.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from arena.canonical import hash_file
from arena.errors import InputError
from arena.files import unreadable
from arena.game import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SMALLEST, LARGEST = 16, 4096  # pixels of a side
MOST_BYTES = 32 * 1024 * 1024  # of one file
MOST_PAIRS = 10_000
LAYOUT = "a pair is NAME-a.png and NAME-b.png (or .jpg, .jpeg, .webp, .bmp)"


@dataclass(frozen=True, slots=True)
class Folder:
    """The pairs of a folder, in the order of their names, and the hash of every picture's file by its name."""

    path: Path
    pairs: tuple[tuple[str, str], ...]  # names of files: civilians', spy's
    hashes: dict[str, str]

    def read(self, index: int) -> tuple[Image, Image]:
        """The pictures of a pair, uint8 (height, width, 3). InputError if a file changed since the folder was read."""
        out = []
        for name in self.pairs[index]:
            path = self.path / name
            try:
                same = hash_file(path) == self.hashes[name]
            except OSError as error:
                raise unreadable(path, error) from error
            if not same:
                raise InputError(f"{path} changed since its folder was read. Play again")
            out.append(picture(path))
        return out[0], out[1]


def folder(path: Path) -> Folder:
    """Reads and checks a folder of pairs. InputError for what is wrong with it, with the file's name."""
    path = path.expanduser()
    if not path.is_dir():
        what = "it is a file" if path.exists() else "there is no such folder"
        raise InputError(f"@pairs={path}: {what}. Name a folder of pictures: {LAYOUT}")
    try:
        found = [(one.name, one.lstat()) for one in path.iterdir() if not one.name.startswith(".") and not one.is_dir()]
    except OSError as error:
        raise unreadable(path, error) from error
    return _checked(path, tuple(sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)))


@lru_cache(maxsize=4)
def _checked(path: Path, found: tuple[tuple[str, int, int], ...]) -> Folder:
    """The folder with these files (name, bytes, time): every match asks for it, and it is read once."""
    pairs = _paired(path, [name for name, _, _ in found])
    try:
        for pair in pairs:
            _check(path, pair)
        return Folder(path, pairs, {name: hash_file(path / name) for pair in pairs for name in pair})
    except OSError as error:
        raise unreadable(path, error) from error


def picture(path: Path) -> Image:
    """The picture in a file, uint8 (height, width, 3); what is transparent is white. InputError if it is none."""
    if not path.is_file():
        raise InputError(f"{path} is not a file: {LAYOUT}")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InputError(f"{path} has {size:,} bytes; a picture may have {MOST_BYTES:,}")
    try:
        with Pillow.open(io.BytesIO(path.read_bytes()), formats=("PNG", "JPEG", "WEBP", "BMP")) as image:
            width, height = image.size
            if not SMALLEST <= min(width, height) <= max(width, height) <= LARGEST:
                raise InputError(
                    f"{path} is {width} x {height} pixels; each side must be {SMALLEST} to {LARGEST}: resize it"
                )
            whole = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Pillow.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture ({error}): {LAYOUT}") from error
    paper = Pillow.new("RGBA", whole.size, "white")
    return np.array(Pillow.alpha_composite(paper, whole).convert("RGB"))


def _paired(path: Path, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The names of the files of each pair."""
    sides: dict[str, dict[str, str]] = {}
    for name in names:
        stem, ending = Path(name).stem, Path(name).suffix.lower()
        pair, _, side = stem.rpartition("-")
        if ending not in ENDINGS or side not in ("a", "b") or not pair:
            raise InputError(f"@pairs={path}: {name} is not part of a pair: {LAYOUT}. Rename it or move it away")
        other = sides.setdefault(pair, {}).setdefault(side, name)
        if other != name:
            raise InputError(f"@pairs={path}: {other} and {name} are the same side of one pair: remove one of them")
    if not sides:
        raise InputError(f"@pairs={path}: the folder has no picture: {LAYOUT}")
    if len(sides) > MOST_PAIRS:
        raise InputError(f"@pairs={path}: the folder has {len(sides):,} pairs; at most {MOST_PAIRS:,} are read")
    for pair, found in sides.items():
        if len(found) == 1:
            (side, name), missing = *found.items(), "b" if "a" in found else "a"
            raise InputError(
                f"@pairs={path}: {name} has no twin: expected {pair}-{missing}{Path(name).suffix} beside it"
            )
    return tuple((found["a"], found["b"]) for _, found in sorted(sides.items()))


def _check(path: Path, pair: tuple[str, str]) -> None:
    first, second = (picture(path / name) for name in pair)
    if first.shape != second.shape:
        sizes = " and ".join(f"{one.shape[1]} x {one.shape[0]}" for one in (first, second))
        raise InputError(f"@pairs={path}: {pair[0]} and {pair[1]} are {sizes} pixels: a pair must be of one size")
    if np.array_equal(first, second):
        raise InputError(f"@pairs={path}: {pair[0]} and {pair[1]} show the same: the spy's picture must differ")
