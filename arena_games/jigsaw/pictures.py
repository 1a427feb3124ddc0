"""Where the pictures of jigsaws are from: generated scenes, or a folder of the user's."""

from __future__ import annotations

import functools
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arena.canonical import files_in, hash_file
from arena.game import Image
from arena_games.jigsaw.cutting import SIDE

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SMALLEST = 120  # pixels of the shorter side
MOST = 2000  # pictures
MOST_PIXELS = 50_000_000  # of one picture
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

    path: Path
    files: tuple[tuple[str, str], ...]  # name and hash

    def __call__(self, chance: np.random.Generator) -> Image:
        """One of them by chance, uint8 (SIDE, SIDE, 3)."""
        return self.read(int(chance.integers(len(self.files))))

    def read(self, at: int) -> Image:
        """One of them: its middle square, uint8 (SIDE, SIDE, 3). ValueError if it is no picture, or has changed."""
        name, value = self.files[at]
        return _read(self.path / name, value)


def folder(given: str) -> Folder:
    """The pictures of a folder. ValueError for what is wrong with it, in words; `read` says it of each picture."""
    path = Path(given).expanduser()
    expected = f"expected a folder of pictures ({', '.join(ending[1:] for ending in ENDINGS)})"
    if not path.is_dir():
        raise ValueError(
            f"pictures={given}: {'it is a file' if path.exists() else 'there is no such folder'}; {expected}"
        )
    try:
        files = files_in(path)
    except OSError as error:
        raise ValueError(f"pictures={given}: the folder cannot be read ({error})") from error
    others = [name for name in files if Path(name).suffix.lower() not in ENDINGS]
    if others:
        raise ValueError(f"pictures={given}: {others[0]} is no picture; {expected} and nothing else. Move it away")
    if not files:
        raise ValueError(f"pictures={given}: no picture is in it; {expected}")
    if len(files) > MOST:
        raise ValueError(f"pictures={given}: {len(files):,} pictures; at most {MOST:,} are taken")
    same: dict[str, str] = {}
    for name, value in files.items():
        if value in same:
            raise ValueError(f"pictures={given}: {same[value]} and {name} are the same file. Remove one of them")
        same[value] = name
    return Folder(path.absolute(), tuple(files.items()))


@functools.lru_cache(maxsize=32)
def _read(path: Path, value: str) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageOps

    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # MOST_PIXELS is checked below
            image = Pillow.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "BMP"))
        fits = min(image.size) >= SMALLEST and image.width * image.height <= MOST_PIXELS
        whole = ImageOps.exif_transpose(image).convert("RGBA") if fits else image
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as a picture: {error}") from error
    if not fits:
        raise ValueError(
            f"{path} is {image.width} x {image.height} pixels; expected {SMALLEST} or more at its shorter side, and "
            f"{MOST_PIXELS:,} in all at most"
        )
    if hash_file(path) != value:
        raise ValueError(f"{path} changed since its folder was read. Play again")
    paper = Pillow.new("RGBA", whole.size, "white")
    flat = Pillow.alpha_composite(paper, whole).convert("RGB")
    out = np.array(ImageOps.fit(flat, (SIDE, SIDE), Pillow.Resampling.BOX))
    out.flags.writeable = False
    return out
