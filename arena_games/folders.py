"""Folders of pictures that a user brings: what is in one, and each picture as pixels. Games say what they expect of it.

All that is wrong is a ValueError, in words, with the name of the file.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from arena.canonical import hash_file
from arena.game import Image

SHOWN = 10  # faults of one folder that are told; of the rest, how many
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
MOST_PIXELS = 50_000_000  # of one picture
MOST_BYTES = 32 * 1024 * 1024  # of its file


@dataclass(frozen=True, slots=True)
class Pictures:
    """A folder in which nothing but pictures should be: its files, in the order of their names, as they were found."""

    path: Path
    files: tuple[tuple[str, str], ...]  # name and hash
    least: int  # pixels of the shorter side of each

    @property
    def hashes(self) -> Mapping[str, str]:
        return dict(self.files)

    def read(self, name: str) -> Image:
        """The picture in a file, uint8 (height, width, 3), upright; what is transparent is white.

        ValueError if it is none, or changed since the folder was read.
        """
        path = self.path / name
        out = _picture(path, self.least)
        if hash_file(path) != self.hashes[name]:
            raise ValueError(f"{path} changed since its folder was read. Play again")
        return out


def pictures(path: Path, option: str, expected: str, *, most: int, least: int) -> Pictures:
    """The files of a folder, with the endings of pictures. ValueError for what is wrong with it.

    `option` is its name, and `expected` a phrase that says what should be there. `most`: files. `least`: pixels of the
    shorter side of a picture. Files whose names begin with a dot, and folders in it, are not looked at.
    """
    path = path.expanduser().absolute()
    if not path.is_dir():
        what = "it is a file" if path.exists() else "there is no such folder"
        raise ValueError(f"{option}={path}: {what}; expected {expected}")
    try:
        found = [(one.name, one.lstat()) for one in path.iterdir() if not one.name.startswith(".") and not one.is_dir()]
        entries = tuple(sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in found))
        if not entries:
            raise ValueError(f"{option}={path}: the folder has no picture; expected {expected}")
        if len(entries) > most:
            raise ValueError(f"{option}={path}: the folder has {len(entries):,} files; at most {most:,} are read")
        refuse(option, path, [fault for name, size, _ in entries if (fault := _fault(path / name, size, expected))])
        return _listed(path, entries, least)
    except OSError as error:
        raise ValueError(f"{option}={path}: the folder cannot be read ({error.strerror or error})") from error


def refuse(option: str, path: Path, faults: Sequence[str]) -> None:
    """ValueError with everything that is wrong with a folder, so that it is put right once; nothing if nothing is."""
    if not faults:
        return
    more = [f"(and {len(faults) - SHOWN:,} more)"] if len(faults) > SHOWN else []
    raise ValueError(f"{option}={path}: " + "\n".join([*faults[:SHOWN], *more]))


def _fault(path: Path, size: int, expected: str) -> str:
    """What is wrong with a file before it is read, and what to do; empty if nothing is."""
    if path.suffix.lower() not in ENDINGS:
        return f"{path.name} is no picture; expected {expected}. Move it away"
    if not path.is_file():
        return f"{path.name} is not a file; expected {expected}. Move it away"
    if size > MOST_BYTES:
        return f"{path.name} has {size:,} bytes; a picture may have {MOST_BYTES:,}. Save it smaller"
    return ""


@lru_cache(maxsize=8)
def _listed(path: Path, entries: tuple[tuple[str, int, int], ...], least: int) -> Pictures:
    """The folder with these files (name, bytes, time): every match asks for it, and it is hashed once."""
    return Pictures(path, tuple((name, hash_file(path / name)) for name, _, _ in entries), least)


def _picture(path: Path, least: int) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError

    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # MOST_PIXELS is checked below
            image = Pillow.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "BMP"))
        fits = min(image.size) >= least and image.width * image.height <= MOST_PIXELS
        whole = ImageOps.exif_transpose(image).convert("RGBA") if fits else image
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        why = "it is none" if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"{path} cannot be read as a picture: {why}. Save it anew, or remove it") from error
    if not fits:
        raise ValueError(
            f"{path} is {image.width} x {image.height} pixels; expected {least} or more at its shorter side, and "
            f"{MOST_PIXELS:,} in all at most. Resize it"
        )
    return np.array(Pillow.alpha_composite(Pillow.new("RGBA", whole.size, "white"), whole).convert("RGB"))
