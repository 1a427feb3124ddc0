"""What does not move: sky, hills, and a level's tiles, drawn once as long strips."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache

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


@lru_cache(maxsize=len(LOOKS))
def sky(theme: str) -> Pixels:
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
    out = pixels(picture)
    return np.concatenate([out, out[:, :WIDE]], axis=1)


@lru_cache(maxsize=len(LOOKS))
def hills(theme: str) -> tuple[Pixels, np.ndarray]:
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
    out = pixels(picture)
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
    for colour, (x, end) in zip(bands, zip(edges, edges[1:], strict=False), strict=True):
        pen.rectangle((x, 0, end - 1, TILE - 1), fill=colour)
    if top:
        pen.line((0, 0, 31, 0), fill="#1d4a44")
        pen.line((0, 15, 31, 15), fill="#1d4a44")
        pen.line((2, 1, 29, 1), fill="#8fe0c8")
    return out.crop((0, 0, TILE, TILE) if left else (TILE, 0, 2 * TILE, TILE))


def bush(look: Look, chance: random.Random) -> Image.Image:
    wide = chance.choice((24, 36, 48))
    out = blank(18, wide)
    pen = ImageDraw.Draw(out)
    for colour, rise in ((look.leaf[1], 0), (look.leaf[0], 2)):
        for x in range(8, wide - 7, 8):
            r = 6 + (x // 8) % 2 * 2
            pen.ellipse((x - r, 17 - 2 * r + rise, x + r, 17 + r + rise), fill=colour)
    return out


def flower(chance: random.Random) -> Image.Image:
    out = blank(9, 7)
    pen = ImageDraw.Draw(out)
    pen.line((3, 4, 3, 8), fill="#3c8a2e")
    colour = chance.choice(("#ffffff", "#ff8fa8", "#ffe066", "#c79cff"))
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


@lru_cache(maxsize=16)
def ground(level: Level) -> tuple[Pixels, np.ndarray]:
    """All of a level that never changes, (HIGH, its width), and where it is not transparent."""
    look, chance = LOOKS[level.theme], random.Random(level.number)
    picture = blank(HIGH, level.columns * TILE)
    _plant(picture, level, look, chance)
    _water(picture, level)
    earths = [earth(look, chance) for _ in range(4)]
    fixed = {Tile.BRICK: brick(), Tile.STONE: stone()}
    pipes = {(left, top): pipe(left, top) for left in (False, True) for top in (False, True)}
    pen = ImageDraw.Draw(picture)
    for column in range(level.columns):
        for row in range(ROWS):
            tile, above = level.tiles[cell(column, row)], level.tiles[cell(column, row - 1)]
            x, y = column * TILE, row * TILE
            if tile == Tile.GROUND:
                picture.paste(earths[chance.randrange(4)], (x, y))
                for side, at in ((-1, x), (1, x + TILE - 1)):
                    beside = column + side
                    if 0 <= beside < level.columns and level.tiles[cell(beside, row)] != Tile.GROUND:
                        pen.line((at, y, at, y + TILE - 1), fill=look.earth[2])
                if above != Tile.GROUND:
                    _grass(pen, look, x, y, chance)
            elif tile in fixed:
                picture.paste(fixed[Tile(tile)], (x, y))
            elif tile == Tile.PIPE:
                left = column + 1 < level.columns and level.tiles[cell(column + 1, row)] == Tile.PIPE
                part = pipes[left, above != Tile.PIPE]
                picture.paste(part, (x, y), part)
    out = pixels(picture)
    return out, out != 0


def _grass(pen: ImageDraw.ImageDraw, look: Look, x: int, y: int, chance: random.Random) -> None:
    pen.rectangle((x, y, x + TILE - 1, y + 3), fill=look.grass[0])
    pen.line((x, y, x + TILE - 1, y), fill=look.grass[1])
    for at in range(x, x + TILE, 2):
        pen.line((at, y + 4, at, y + 4 + chance.randrange(3)), fill=look.grass[0])
        pen.point((at + 1, y + 4), fill=look.grass[1])


def _water(picture: Image.Image, level: Level) -> None:
    """In every pit, at the bottom."""
    pen = ImageDraw.Draw(picture)
    for column in range(level.columns):
        if level.tiles[cell(column, ROWS - 1)] == Tile.GROUND:
            continue
        x = column * TILE
        pen.rectangle((x, HIGH - 14, x + TILE - 1, HIGH), fill="#1f4a86")
        pen.rectangle((x, HIGH - 6, x + TILE - 1, HIGH), fill="#17376a")
        for at in range(0, TILE, 8):
            pen.line((x + at, HIGH - 15, x + at + 3, HIGH - 15), fill="#3f7cc0")
            pen.line((x + at, HIGH - 14, x + at + 3, HIGH - 14), fill="#cfe8f8")
            pen.line((x + at + 4, HIGH - 13, x + at + 7, HIGH - 13), fill="#cfe8f8")


def _plant(picture: Image.Image, level: Level, look: Look, chance: random.Random) -> None:
    """Bushes and flowers, the flag and the house."""

    def top(column: int) -> int | None:
        rows = [row for row in range(ROWS) if level.tiles[cell(column, row)] == Tile.GROUND]
        return rows[0] if rows else None

    for column in range(1, level.columns - 3):
        row = top(column)
        if row is None or any(top(column + right) != row for right in (1, 2)):
            continue
        what = chance.random()
        sprite = bush(look, chance) if what < 0.08 else flower(chance) if what < 0.26 else None
        if sprite is not None:
            picture.alpha_composite(sprite, (column * TILE + 2, row * TILE - sprite.height))
    row = top(level.flag)
    assert row is not None, "the flag stands on the ground"
    mast = pole(9 * TILE + 8)
    picture.alpha_composite(mast, (level.flag * TILE - 11, row * TILE - mast.height))
    picture.alpha_composite(house(), ((level.flag + 4) * TILE, row * TILE - 80))
