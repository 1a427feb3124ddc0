"""Folders of pictures that a user brings: what is in one, and each picture as pixels. Games say what they expect of it.

All that is wrong is a ValueError, in words, with the name of the file.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arena.canonical import hash_file, is_recordable
from arena.errors import sentence
from arena.game import Image
from arena.paths import expanded

if TYPE_CHECKING:
    from PIL import Image as Pillow

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
    faults: tuple[str, ...] = ()  # what is wrong with its other files: `refuse` it, with what the game finds wrong

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


class _Entry(NamedTuple):
    """What tells that a file is as it was, without reading it. Of a link, the file that it leads to."""

    name: str
    size: int
    written: int
    changed: int  # its name, rights or content


def pictures(path: Path, option: str, expected: str, *, most: int, least: int) -> Pictures:
    """The files of a folder, with the endings of pictures. ValueError for a folder that cannot be read, or has none.

    What is wrong with single files is in `faults`, so that the game can refuse the folder with all that is wrong.
    `option` is its name, and `expected` a phrase that says what should be there. `most`: files. `least`: pixels of the
    shorter side of a picture. Files whose names begin with a dot, and folders in it, are not looked at.
    """
    path = expanded(path).absolute()
    if not path.is_dir():
        what = "it is a file" if path.exists() else "there is no such folder"
        raise ValueError(f"{option}={path}: {what}; expected {expected}")
    try:
        names = sorted(one.name for one in path.iterdir() if not one.name.startswith(".") and not one.is_dir())
    except OSError as error:
        raise ValueError(f"{option}={path}: the folder cannot be read ({error.strerror or error})") from error
    if not names:
        raise ValueError(f"{option}={path}: the folder has no picture; expected {expected}")
    if len(names) > most:
        raise ValueError(f"{option}={path}: the folder has {len(names):,} files; at most {most:,} are read")
    entries, faults = list[_Entry](), list[str]()
    for name in names:
        found = _entry(path / name, expected)
        if isinstance(found, str):
            faults.append(found)
        else:
            entries.append(found)
    files, unread = _hashed(path, tuple(entries))
    return Pictures(path, files, least, (*faults, *unread))


def refuse(option: str, path: Path, faults: Sequence[str]) -> None:
    """ValueError with everything that is wrong with a folder, so that it is put right once; nothing if nothing is."""
    if not faults:
        return
    more = [f"(and {len(faults) - SHOWN:,} more)"] if len(faults) > SHOWN else []
    raise ValueError(f"{option}={path}: " + "\n".join([*faults[:SHOWN], *more]))


def _entry(path: Path, expected: str) -> _Entry | str:
    """A file before it is read; or what is wrong with it, and what to do."""
    if not is_recordable(path.name):
        return f"the name {os.fsencode(path.name)!r} is not UTF-8, so it cannot be recorded. Rename it"
    if path.suffix.lower() not in ENDINGS:
        return f"{path.name} is no picture; expected {expected}. Move it away"
    if not path.is_file():
        return f"{path.name} is not a file; expected {expected}. Move it away"
    try:
        stat = path.stat()
    except OSError as error:  # it was moved away meanwhile
        return _unreadable(path.name, error)
    if stat.st_size > MOST_BYTES:
        return f"{path.name} has {stat.st_size:,} bytes; a picture may have {MOST_BYTES:,}. Save it smaller"
    return _Entry(path.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@lru_cache(maxsize=8)
def _hashed(path: Path, entries: tuple[_Entry, ...]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Name and hash of each file; what is wrong with the others. Every match asks for it, and they are read once."""
    files, faults = list[tuple[str, str]](), list[str]()
    for one in entries:
        try:
            files.append((one.name, hash_file(path / one.name)))
        except OSError as error:
            faults.append(_unreadable(one.name, error))
    return tuple(files), tuple(faults)


def _unreadable(name: str, error: OSError) -> str:
    return f"{name} cannot be read ({error.strerror or error}). Make it readable, or move it away"


def _picture(path: Path, least: int) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError

    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of many pixels, which are counted below, and of broken EXIF data
            image = Pillow.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "BMP"))
            fits = min(image.size) >= least and image.width * image.height <= MOST_PIXELS
            whole = _of_8_bits(ImageOps.exif_transpose(image)) if fits else image
    except Pillow.DecompressionBombError as error:
        raise ValueError(f"{path} has more than {MOST_PIXELS:,} pixels. Resize it") from error
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        why = "it is none" if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"{path} cannot be read as a picture: {sentence(why)} Save it anew, or remove it") from error
    if not fits:
        raise ValueError(
            f"{path} is {image.width} x {image.height} pixels; expected {least} or more at its shorter side, and "
            f"{MOST_PIXELS:,} in all at most. Resize it"
        )
    return np.array(Pillow.alpha_composite(Pillow.new("RGBA", whole.size, "white"), whole).convert("RGB"))


def _of_8_bits(image: Pillow.Image) -> Pillow.Image:
    """The picture as RGBA. ValueError for samples that do not say what white is.

    Pillow clips what is above 255 to white. So of 16 bits, which it has of greyscale alone, the upper 8 are taken here,
    as it takes them of colours: each picture is shown by the same scale, whatever is in it.
    """
    from PIL import Image as Pillow
    from PIL import ImageMode

    if ImageMode.getmode(image.mode).typestr in ("|b1", "|u1"):
        return image.convert("RGBA")
    if not image.mode.startswith("I"):  # I;16, or I in an older Pillow
        raise ValueError(f"its pixels are of the mode {image.mode}; expected 8 or 16 bits each")
    samples = np.asarray(image)
    out = Pillow.fromarray((samples >> 8).astype(np.uint8))
    if isinstance(through := image.info.get("transparency"), int):
        out.putalpha(Pillow.fromarray(np.where(samples == through, 0, 255).astype(np.uint8)))
    return out.convert("RGBA")
