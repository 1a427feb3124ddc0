"""The static scenery: sky, hills and a level's tiles, drawn once as long strips."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from arena_games.sidescroller import art
from arena_games.sidescroller import parts as draw
from arena_games.sidescroller.art import Pixels
from arena_games.sidescroller.level import Level
from arena_games.sidescroller.parts import LOOKS, blank
from arena_games.sidescroller.tiles import ROWS, TILE, Tile, cell

HIGH, WIDE = ROWS * TILE, 256
PERIOD = 512  # pixels after which the background repeats
HILLS_TOP = 112  # the nearer hills reach no higher
KEPT = 256  # levels whose pieces are kept, and strips that are: two a lane, 0.3 MB each


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
    """The nearer hills from row HILLS_TOP down, and their mask."""
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
        earth=[drawn(draw.earth(look, chance)) for _ in range(6)],
        grass=[drawn(draw.grass(look, chance)) for _ in range(4)],
        edge=drawn(Image.new("RGBA", (1, TILE), look.earth[2])),
        fixed={Tile.BRICK: drawn(draw.brick()), Tile.STONE: drawn(draw.stone())},
        pipes={(left, top): drawn(draw.pipe(left, top)) for left in (False, True) for top in (False, True)},
        plants=[drawn(draw.bush(look, wide)) for wide in (24, 36, 48)]
        + [drawn(draw.flower(colour)) for colour in ("#ffffff", "#ff8fa8", "#ffe066", "#c79cff")],
        water=drawn(draw.water()),
        mast=drawn(draw.pole(9 * TILE + 8)),
        house=drawn(draw.house()),
    )


class Piece(NamedTuple):
    """A picture at a place of a level."""

    picture: Pixels
    x: int
    y: int


@lru_cache(maxsize=KEPT)
def ground(level: Level, grey: bool, strip: int) -> tuple[Pixels, np.ndarray]:
    """The static part of a level from column `strip` * WIDE of its picture on, (HIGH, WIDE), and the mask of what is
    not transparent.
    """
    out = np.zeros((HIGH, WIDE), kit(level.theme, grey).house.dtype)
    for piece in pieces(level, grey)[strip]:
        paste(out, piece.picture, piece.x - strip * WIDE, piece.y)
    return out, out != 0


@lru_cache(maxsize=KEPT)
def pieces(level: Level, grey: bool) -> list[list[Piece]]:
    """What each strip of a level is made of, from back to front."""
    out: list[list[Piece]] = [[] for _ in range(level.columns * TILE // WIDE + 1)]
    for piece in _pieces(level, kit(level.theme, grey), random.Random(level.number).random):
        last = min(piece.x + piece.picture.shape[1], level.columns * TILE) - 1
        for strip in range(max(0, piece.x) // WIDE, last // WIDE + 1):
            out[strip].append(piece)
    return out


def _pieces(level: Level, parts: Kit, some: Callable[[], float]) -> Iterator[Piece]:
    yield from _plants(level, parts, some)
    for column in range(level.columns):
        at, x = cell(column, 0), column * TILE
        rows = level.tiles[at : at + ROWS]
        before, after = (level.tiles[cell(near, 0) :][:ROWS] for near in (max(0, column - 1), column + 1))
        if rows[-1] != Tile.GROUND:
            yield Piece(parts.water, x, HIGH - TILE)
        for row, tile in enumerate(rows):
            y = row * TILE
            if tile == Tile.GROUND:
                yield Piece(parts.earth[int(6 * some())], x, y)
                if before[row] != Tile.GROUND:
                    yield Piece(parts.edge, x, y)
                if after and after[row] != Tile.GROUND:
                    yield Piece(parts.edge, x + TILE - 1, y)
                if row and rows[row - 1] != Tile.GROUND:
                    yield Piece(parts.grass[int(4 * some())], x, y)
            elif tile in parts.fixed:
                yield Piece(parts.fixed[tile], x, y)
            elif tile == Tile.PIPE:
                left = bool(after) and after[row] == Tile.PIPE
                yield Piece(parts.pipes[left, rows[row - 1] != Tile.PIPE], x, y)


def _plants(level: Level, parts: Kit, some: Callable[[], float]) -> Iterator[Piece]:
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
            yield Piece(parts.plants[number], column * TILE + 2, row * TILE - len(parts.plants[number]))
    foot = tops[level.flag] * TILE
    yield Piece(parts.mast, level.flag * TILE - 11, foot - len(parts.mast))
    yield Piece(parts.house, (level.flag + 4) * TILE, foot - len(parts.house))
