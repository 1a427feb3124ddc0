"""Tiles, plants and buildings, each drawn once in a theme's colours."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw

from arena_games.sidescroller.tiles import TILE


@dataclass(frozen=True)
class Look:
    """The colours of a theme."""

    sky: tuple[str, str]  # top, horizon
    sun: str
    cloud: str
    far: str
    near: str
    crest: str  # light edge of the nearer hills
    grass: tuple[str, str]
    earth: tuple[str, str, str]  # ground, speckle, edge
    leaf: tuple[str, str]  # of bushes


LOOKS = {
    "meadow": Look(
        ("#5fb4ee", "#d6f0fb"), "#fff6c8", "#ffffff", "#a9d3dc", "#8cc98f", "#a6dba2",
        ("#58b53c", "#3c8a2e"), ("#a8703c", "#8f5a2e", "#6d4220"), ("#4aa84a", "#2f7d3a"),
    ),
    "autumn": Look(
        ("#7fb3d9", "#fbe6c4"), "#fff0b0", "#fffaf0", "#c9bfae", "#d9b06a", "#ecc98a",
        ("#c9a02e", "#99701f"), ("#96603a", "#7c4b2b", "#5c361e"), ("#d9822e", "#a8551f"),
    ),
    "dusk": Look(
        ("#6a78c4", "#f7c9b8"), "#ffe2b0", "#f7dfe6", "#a79cc4", "#7f8fb8", "#9aa8cc",
        ("#4fa37a", "#357a5c"), ("#8a6a72", "#735560", "#533c48"), ("#458f7a", "#2e6a60"),
    ),
}  # fmt: skip


def blank(high: int, wide: int) -> Image.Image:
    return Image.new("RGBA", (wide, high), (0, 0, 0, 0))


def earth(look: Look, chance: random.Random) -> Image.Image:
    """One tile of ground."""
    out = Image.new("RGBA", (TILE, TILE), look.earth[0])
    pen = ImageDraw.Draw(out)
    for _ in range(5):
        x, y = chance.randrange(TILE - 2), chance.randrange(TILE - 1)
        pen.rectangle((x, y, x + chance.randrange(3), y + chance.randrange(2)), fill=look.earth[1])
    return out


def bevelled(face: str, light: str, dark: str) -> Image.Image:
    out = Image.new("RGBA", (TILE, TILE), face)
    pen = ImageDraw.Draw(out)
    pen.line((0, 0, 15, 0), fill=light)
    pen.line((0, 0, 0, 15), fill=light)
    pen.line((0, 15, 15, 15), fill=dark)
    pen.line((15, 0, 15, 15), fill=dark)
    return out


def brick() -> Image.Image:
    out = bevelled("#c8684a", "#e79a7c", "#6e3024")
    pen = ImageDraw.Draw(out)
    for y, joints in ((0, (7,)), (5, (3, 11)), (10, (7,))):
        pen.line((1, y + 5, 15, y + 5), fill="#6e3024")
        pen.line((1, y + 1, 14, y + 1), fill="#e0886a")
        for x in joints:
            pen.line((x, y, x, y + 5), fill="#6e3024")
    pen.line((0, 15, 15, 15), fill="#6e3024")
    return out


def stone() -> Image.Image:
    out = bevelled("#a9a49c", "#dcd8cf", "#56524d")
    pen = ImageDraw.Draw(out)
    pen.line((1, 1, 14, 1), fill="#c9c4ba")
    pen.line((1, 14, 14, 14), fill="#7b766f")
    pen.rectangle((4, 4, 11, 11), outline="#8d8880")
    return out


def pipe(left: bool, top: bool) -> Image.Image:
    """Half of a pipe's tile."""
    out = Image.new("RGBA", (2 * TILE, TILE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(out)
    inset = 0 if top else 2
    bands = ("#1d4a44", "#3f9c8c", "#8fe0c8", "#3f9c8c", "#2f7d72", "#22625a", "#1d4a44")
    edges = (inset, inset + 1, 5, 9, 20, 25, 31 - inset, 32 - inset)
    for colour, (x, end) in zip(bands, pairwise(edges), strict=True):
        pen.rectangle((x, 0, end - 1, TILE - 1), fill=colour)
    if top:
        pen.line((0, 0, 31, 0), fill="#1d4a44")
        pen.line((0, 15, 31, 15), fill="#1d4a44")
        pen.line((2, 1, 29, 1), fill="#8fe0c8")
    return out.crop((0, 0, TILE, TILE) if left else (TILE, 0, 2 * TILE, TILE))


def bush(look: Look, wide: int) -> Image.Image:
    out = blank(18, wide)
    pen = ImageDraw.Draw(out)
    for colour, rise in ((look.leaf[1], 0), (look.leaf[0], 2)):
        for x in range(8, wide - 7, 8):
            r = 6 + (x // 8) % 2 * 2
            pen.ellipse((x - r, 17 - 2 * r + rise, x + r, 17 + r + rise), fill=colour)
    return out


def flower(colour: str) -> Image.Image:
    out = blank(9, 7)
    pen = ImageDraw.Draw(out)
    pen.line((3, 4, 3, 8), fill="#3c8a2e")
    for x, y in ((3, 0), (1, 2), (5, 2), (3, 4)):
        pen.rectangle((x - 1, y, x, y + 1), fill=colour)
    pen.point((3, 2), fill="#e2a020")
    return out


def house() -> Image.Image:
    """At the end of the level."""
    out = blank(80, 80)
    pen = ImageDraw.Draw(out)
    pen.rectangle((8, 36, 71, 79), fill="#ead7b0", outline="#5a3f2e")
    for y in range(44, 80, 8):
        pen.line((9, y, 70, y), fill="#d6bf94")
    pen.polygon(((0, 38), (40, 4), (79, 38)), fill="#b8483c", outline="#5a2620")
    for step in range(1, 4):
        pen.line((40 - 10 * step, 4 + 9 * step, 40 + 10 * step, 4 + 9 * step), fill="#8f342c")
    pen.rectangle((54, 6, 62, 24), fill="#8d8880", outline="#56524d")
    pen.rectangle((32, 54, 47, 79), fill="#7a4a2a", outline="#452818")
    pen.point((45, 67), fill="#ffd84a")
    for x in (15, 54):
        pen.rectangle((x, 50, x + 11, 61), fill="#9fd8f0", outline="#5a3f2e")
        pen.line((x + 6, 50, x + 6, 61), fill="#5a3f2e")
        pen.line((x, 56, x + 11, 56), fill="#5a3f2e")
    return out


def pole(high: int) -> Image.Image:
    """The flag on its pole, `high` pixels."""
    out = blank(high, 40)
    pen = ImageDraw.Draw(out)
    pen.rectangle((18, 6, 20, high - 1), fill="#e8ece8", outline="#6a7a70")
    pen.ellipse((15, 0, 23, 8), fill="#ffd84a", outline="#8a5a1c")
    pen.polygon(((21, 11), (38, 18), (21, 26)), fill="#e23a4a", outline="#8a1f2c")
    pen.rectangle((25, 17, 28, 20), fill="#ffffff")
    return out


def grass(look: Look, chance: random.Random) -> Image.Image:
    """On top of the ground."""
    out = blank(7, TILE)
    pen = ImageDraw.Draw(out)
    pen.rectangle((0, 0, TILE - 1, 3), fill=look.grass[0])
    pen.line((0, 0, TILE - 1, 0), fill=look.grass[1])
    for at in range(0, TILE, 2):
        pen.line((at, 4, at, 4 + chance.randrange(3)), fill=look.grass[0])
        pen.point((at + 1, 4), fill=look.grass[1])
    return out


def water() -> Image.Image:
    """At the bottom of pits."""
    out = blank(TILE, TILE)
    pen = ImageDraw.Draw(out)
    pen.rectangle((0, 2, TILE - 1, TILE), fill="#1f4a86")
    pen.rectangle((0, 10, TILE - 1, TILE), fill="#17376a")
    for at in range(0, TILE, 8):
        pen.line((at, 1, at + 3, 1), fill="#3f7cc0")
        pen.line((at, 2, at + 3, 2), fill="#cfe8f8")
        pen.line((at + 4, 3, at + 7, 3), fill="#cfe8f8")
    return out
