"""What does not move: sky, hills, and a level's tiles, drawn once as long strips."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from games.sidescroller import art
from games.sidescroller.art import Pixels
from games.sidescroller.level import Level
from games.sidescroller.tiles import ROWS, TILE, Tile, cell

HIGH, WIDE = ROWS * TILE, 256
PERIOD = 512  # pixels after which the background repeats
HILLS_TOP = 112  # the nearer hills reach no higher


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


def pixels(picture: Image.Image) -> Pixels:
    return art.packed(np.array(picture))


def paste(onto: Pixels, sprite: Pixels, x: int, y: int) -> None:
    """Put a sprite, clipped at the edges."""
    high, wide = onto.shape
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(sprite.shape[0], high - y), min(sprite.shape[1], wide - x)
    if top < bottom and left < right:
        part = sprite[top:bottom, left:right]
        np.copyto(onto[y + top : y + bottom, x + left : x + right], part, where=part != 0)


@lru_cache(maxsize=2 * len(LOOKS))
def sky(theme: str, grey: bool) -> Pixels:
    """Sky, sun, clouds, far hills: opaque, (HIGH, PERIOD + WIDE)."""
    look, chance = LOOKS[theme], random.Random(3)
    top, low = (np.array(art.rgba(colour), float) for colour in look.sky)
    bands = np.clip(np.arange(HIGH) // 8 * 8 / 190, 0, 1)[:, None]
    rows = (top * (1 - bands) + low * bands).round().astype(np.uint8)
    picture = Image.fromarray(np.repeat(rows[:, None], PERIOD, 1), "RGBA")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((392, 22, 428, 58), fill=look.sun)
    for number in range(7):
        x, y = 20 + number * 72 + chance.randrange(24), 18 + chance.randrange(58)
        for _ in range(5):
            dx, r = chance.randrange(-16, 17), chance.randrange(5, 10)
            for shift in (-PERIOD, 0, PERIOD):
                pen.ellipse((x + dx - r + shift, y - r, x + dx + r + shift, y + r // 2), fill=look.cloud)
    for x in range(PERIOD):
        angle = 2 * math.pi * x / PERIOD
        height = 58 + 20 * math.sin(2 * angle) + 12 * math.sin(5 * angle + 1) + 5 * math.sin(11 * angle)
        pen.line((x, HIGH - 30 - round(height), x, HIGH), fill=look.far)
    out = art.INKS[grey](pixels(picture))
    return np.concatenate([out, out[:, :WIDE]], axis=1)


@lru_cache(maxsize=2 * len(LOOKS))
def hills(theme: str, grey: bool) -> tuple[Pixels, np.ndarray]:
    """The nearer hills from row HILLS_TOP down, and where they are."""
    look = LOOKS[theme]
    picture = blank(HIGH - HILLS_TOP, PERIOD)
    pen = ImageDraw.Draw(picture)
    for x in range(PERIOD):
        angle = 2 * math.pi * x / PERIOD
        height = 66 + 30 * math.sin(3 * angle + 2) + 14 * math.sin(7 * angle)
        y = HIGH - HILLS_TOP - round(height)
        pen.line((x, y, x, HIGH), fill=look.near)
        pen.line((x, y, x, y + 2), fill=look.crest)
    out = art.INKS[grey](pixels(picture))
    out = np.concatenate([out, out[:, :WIDE]], axis=1)
    return out, out != 0


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


@dataclass(frozen=True)
class Kit:
    """The tiles and plants of a theme, drawn once."""

    earth: list[Pixels]
    grass: list[Pixels]
    edge: Pixels  # one column: the ground's sides
    fixed: dict[int, Pixels]
    pipes: dict[tuple[bool, bool], Pixels]  # by left half, and uppermost
    plants: list[Pixels]
    water: Pixels
    mast: Pixels
    house: Pixels


@lru_cache(maxsize=2 * len(LOOKS))
def kit(theme: str, grey: bool) -> Kit:
    look, chance = LOOKS[theme], random.Random(7)

    def drawn(picture: Image.Image) -> Pixels:
        return art.INKS[grey](pixels(picture))

    return Kit(
        earth=[drawn(earth(look, chance)) for _ in range(6)],
        grass=[drawn(grass(look, chance)) for _ in range(4)],
        edge=drawn(Image.new("RGBA", (1, TILE), look.earth[2]))[:, 0],
        fixed={Tile.BRICK: drawn(brick()), Tile.STONE: drawn(stone())},
        pipes={(left, top): drawn(pipe(left, top)) for left in (False, True) for top in (False, True)},
        plants=[drawn(bush(look, wide)) for wide in (24, 36, 48)]
        + [drawn(flower(colour)) for colour in ("#ffffff", "#ff8fa8", "#ffe066", "#c79cff")],
        water=drawn(water()),
        mast=drawn(pole(9 * TILE + 8)),
        house=drawn(house()),
    )


@lru_cache(maxsize=16)
def ground(level: Level, grey: bool) -> tuple[Pixels, np.ndarray]:
    """All of a level that never changes, (HIGH, its width), and where it is not transparent."""
    parts, some = kit(level.theme, grey), random.Random(level.number).random
    out = np.zeros((HIGH, level.columns * TILE), parts.house.dtype)
    _plant(out, level, parts, some)
    for column in range(level.columns):
        at, x = cell(column, 0), column * TILE
        rows = level.tiles[at : at + ROWS]
        before, after = (level.tiles[cell(near, 0) :][:ROWS] for near in (max(0, column - 1), column + 1))
        if rows[-1] != Tile.GROUND:
            paste(out, parts.water, x, HIGH - TILE)
        for row, tile in enumerate(rows):
            y = row * TILE
            if tile == Tile.GROUND:
                out[y : y + TILE, x : x + TILE] = parts.earth[int(6 * some())]
                if before[row] != Tile.GROUND:
                    out[y : y + TILE, x] = parts.edge
                if after and after[row] != Tile.GROUND:
                    out[y : y + TILE, x + TILE - 1] = parts.edge
                if row and rows[row - 1] != Tile.GROUND:
                    paste(out, parts.grass[int(4 * some())], x, y)
            elif tile in parts.fixed:
                out[y : y + TILE, x : x + TILE] = parts.fixed[tile]
            elif tile == Tile.PIPE:
                left = bool(after) and after[row] == Tile.PIPE
                paste(out, parts.pipes[left, rows[row - 1] != Tile.PIPE], x, y)
    return out, out != 0


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


def _plant(out: Pixels, level: Level, parts: Kit, some: Callable[[], float]) -> None:
    """Bushes and flowers, the flag and the house."""
    tops = [level.tiles.find(Tile.GROUND, cell(column, 0), cell(column, ROWS)) for column in range(level.columns)]
    tops = [-1 if at < 0 else at - cell(column, 0) for column, at in enumerate(tops)]
    for column in range(1, level.columns - 3):
        row = tops[column]
        if row < 0 or tops[column + 1] != row or tops[column + 2] != row:
            continue
        what = some()
        number = int(3 * some()) if what < 0.08 else 3 + int(4 * some()) if what < 0.26 else None
        if number is not None:
            paste(out, parts.plants[number], column * TILE + 2, row * TILE - len(parts.plants[number]))
    foot = tops[level.flag] * TILE
    paste(out, parts.mast, level.flag * TILE - 11, foot - len(parts.mast))
    paste(out, parts.house, (level.flag + 4) * TILE, foot - len(parts.house))
