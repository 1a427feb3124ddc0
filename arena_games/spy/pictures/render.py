"""Draws a scene: rays against solids, Lambert's light, soft shadows, highlights and reflections of the room on metal.

Every thing is drawn within its own box of the picture, from far to near, and its shadow within that of the shadow. So a
picture takes a few milliseconds, and twins differ only where an edited thing or its shadow is in one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from arena.game import Image
from arena_games.spy.pictures import geometry
from arena_games.spy.pictures.geometry import EYE, Array, Box, Point, Points, Solid
from arena_games.spy.pictures.scene import Scene, Thing

# CLEVR's colours, sRGB.
PAINT: dict[str, tuple[int, int, int]] = {
    "gray": (118, 118, 118),
    "red": (183, 32, 32),
    "blue": (42, 75, 215),
    "green": (29, 115, 24),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 230, 45),
}
FLOOR_LIGHT = (0.60, 0.59, 0.58)  # linear
LAMP = geometry.unit(-0.55, -0.42, 0.95)  # the way to the key light
FILL = geometry.unit(0.8, -0.5, 0.5)  # to a weak second one, without shadow
SHARP, SOFTER = 0.10, 0.22  # depth of a shadow's edge, in units, and how it grows with the distance of what throws it
SHADE = 0.62  # of the floor's light that the key light gives
NEAR = 2.6  # times its half height: as far a thing throws shadows on others and is mirrored in them
FINE = 3  # rays of a pixel in each direction, for what has edges


def draw(scene: Scene, size: int = 256) -> Image:
    """The picture, uint8 (size, size, 3): the same in every process. ValueError for a size below 16 or above 1024."""
    if not 16 <= size <= 1024:
        raise ValueError(f"size={size}: expected 16 to 1024 pixels")
    things = sorted(scene.things, key=lambda thing: (thing.x, thing.y))  # so that roundings are equal in any order
    solids = [thing.solid for thing in things]
    light = _floor(size).copy()
    for box, shade in _shadows(solids, size):
        light[box] *= shade[..., None]
    for at in geometry.from_far(solids):
        others = [(things[other], solid) for other, solid in enumerate(solids) if other != at]
        _paint(light, things[at], solids[at], others)
    return _screen(light)


def _screen(light: Array) -> Image:
    """Linear light as sRGB, from a table."""
    return _table()[np.clip(light * 4095.0 + 0.5, 0, 4095).astype(np.uint16)]


@lru_cache(maxsize=1)
def _table() -> Image:
    linear = [at / 4095 for at in range(4096)]
    return np.array(
        [round(255 * (12.92 * c if c <= 0.0031308 else 1.055 * math.pow(c, 1 / 2.4) - 0.055)) for c in linear],
        np.uint8,
    )


@lru_cache(maxsize=8)
def _colour(name: str) -> Point:
    """A paint in linear light."""
    red, green, blue = (
        part / 255 / 12.92 if part <= 10 else math.pow((part / 255 + 0.055) / 1.055, 2.4) for part in PAINT[name]
    )
    return red, green, blue


@lru_cache(maxsize=4)
def _floor(size: int) -> Array:
    """The floor without things, float64 (size, size, 3); read-only."""
    x, y, _ = _ground(size)
    far = x * x + (y + 0.5) * (y + 0.5)
    light = 1.06 / (1.0 + 0.012 * far)
    out = np.stack([part * light for part in FLOOR_LIGHT], -1)
    out.setflags(write=False)
    return out


@lru_cache(maxsize=4)
def _ground(size: int) -> Points:
    """The points of the floor that the pixels show; read-only."""
    ways = geometry.rays(size)
    far = -EYE[2] / ways[2]
    points = (EYE[0] + far * ways[0], EYE[1] + far * ways[1], np.zeros_like(far))
    for part in points:
        part.setflags(write=False)
    return points


def _shadows(solids: Sequence[Solid], size: int) -> Iterator[tuple[Box, Array]]:
    """Where the floor is darker, and what part of its light is left there."""
    ground = _ground(size)
    for solid in solids:
        x, y, z = solid.box(grow=0.35)
        thrown = (x - z * (LAMP[0] / LAMP[2]), y - z * (LAMP[1] / LAMP[2]), 0 * z)
        box = geometry.frame((np.append(x, thrown[0]), np.append(y, thrown[1]), np.append(0 * z, thrown[2])), size)
        points = (ground[0][box], ground[1][box], ground[2][box])
        away = (points[0] - solid.x) * (points[0] - solid.x) + (points[1] - solid.y) * (points[1] - solid.y)
        beside = np.sqrt(away) - solid.half  # little light comes to where a thing stands
        contact = _smooth(1.0 - np.maximum(beside, 0.0) / (0.45 * solid.half + 0.1))
        yield box, (1.0 - SHADE * _shadow(solid, points)) * (1.0 - 0.22 * contact)


def _shadow(solid: Solid, points: Points) -> Array:
    """How much of the key light the solid takes from these points, 0 to 1: by how far the light goes through it."""
    way = tuple(np.full((1,) * points[0].ndim, part) for part in LAMP)
    near, far = geometry.across(solid, points, (way[0], way[1], way[2]))
    deep = far - np.maximum(near, 0.0)
    edge = SHARP + SOFTER * np.maximum(near, 0.0)
    return _smooth(deep / edge)


def _smooth(part: Array) -> Array:
    part = np.clip(part, 0.0, 1.0)
    return part * part * (3.0 - 2.0 * part)


def _paint(light: Array, thing: Thing, solid: Solid, others: Sequence[tuple[Thing, Solid]]) -> None:
    """Draw one thing over what is there: a ray through the middle of each pixel, more of them where an edge is."""
    size = len(light)
    box = geometry.frame(solid.box(), size, margin=2)
    grid = geometry.rays(size)
    ways = (grid[0][box], grid[1][box], grid[2][box])
    near, far = geometry.across(solid, EYE, ways)
    hit = far > near
    face = np.where(hit, geometry.face(solid, _along(ways, near)), -1)
    edge = _edges(face)
    plain = hit & ~edge
    rows, columns = (
        at[:, None] + np.array(start) for at, start in zip(np.nonzero(edge), (box[0].start, box[1].start), strict=True)
    )
    steps = np.arange(FINE * FINE)
    rows, columns = rows * FINE + steps // FINE, columns * FINE + steps % FINE
    grid = geometry.rays(size * FINE)
    fine = (grid[0][rows, columns], grid[1][rows, columns], grid[2][rows, columns])
    near_fine, far_fine = geometry.across(solid, EYE, fine)
    hit_fine = far_fine > near_fine
    near = np.concatenate([near[plain], near_fine[hit_fine]])
    x, y, z = (np.concatenate([middle[plain], part[hit_fine]]) for middle, part in zip(ways, fine, strict=True))
    ways = (x, y, z)
    colours = np.stack(_shaded(thing, solid, others, _along(ways, near), ways), -1)
    target = light[box]
    whole = int(plain.sum())
    target[plain] = colours[:whole]
    parts = np.zeros((*hit_fine.shape, 3))
    parts[hit_fine] = colours[whole:]
    total, cover = parts[:, 0].copy(), hit_fine[:, 0].astype(np.float64)
    for at in range(1, FINE * FINE):
        total += parts[:, at]
        cover += hit_fine[:, at]
    target[edge] = target[edge] * (1.0 - cover / (FINE * FINE))[:, None] + total / (FINE * FINE)


def _along(ways: Points, far: Array) -> Points:
    """The points of the camera's rays."""
    return EYE[0] + far * ways[0], EYE[1] + far * ways[1], EYE[2] + far * ways[2]


def _edges(face: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where a pixel or one of the eight around it shows another face."""
    wide = np.pad(face, 1, mode="edge")
    high, across = face.shape
    out = np.zeros(face.shape, np.bool_)
    for row in range(3):
        for column in range(3):
            out |= wide[row : row + high, column : column + across] != face
    return out


def _shaded(thing: Thing, solid: Solid, others: Sequence[tuple[Thing, Solid]], points: Points, ways: Points) -> Points:
    """The light that comes from these points of a thing, linear red, green and blue."""
    normal = geometry.normal(solid, points)
    lit = np.ones_like(points[0])
    length = np.sqrt(ways[0] * ways[0] + ways[1] * ways[1] + ways[2] * ways[2])
    ways = (ways[0] / length, ways[1] / length, ways[2] / length)
    for _, other in others:
        if reaches(other, solid):
            lit = lit * (1.0 - _shadow(other, points))
    key = np.maximum(_dot(normal, LAMP), 0.0) * lit
    fill = np.maximum(_dot(normal, FILL), 0.0)
    low = 1.0 / (1.0 + 6.0 * np.maximum(points[2], 0.0))  # dark where it touches the floor
    ambient = (0.30 + 0.14 * normal[2]) * (1.0 - 0.45 * low)
    facing = normal[0] * ways[0] + normal[1] * ways[1] + normal[2] * ways[2]
    mirror = tuple(way - 2.0 * facing * part for way, part in zip(ways, normal, strict=True))
    glance = np.maximum(_dot((mirror[0], mirror[1], mirror[2]), LAMP), 0.0)
    rim = 1.0 + np.minimum(facing, 0.0)  # 0 where one looks straight at it, 1 at its outline
    colour = _colour(thing.colour)
    if thing.material == "rubber":
        diffuse = 0.95 * key + 0.16 * fill + ambient
        shine = 0.05 * _power(glance, 3) * lit
        return tuple(part * diffuse + shine for part in colour)  # type: ignore[return-value]
    room = _reflected(solid, others, points, (mirror[0], mirror[1], mirror[2]))
    shine = (1.8 * _power(glance, 6) + 0.18 * _power(glance, 3)) * lit
    diffuse = 0.30 * key + 0.06 * fill + 0.35 * ambient
    edge = 0.02 + 0.22 * rim * rim * rim * rim
    return tuple(  # type: ignore[return-value]
        part * diffuse + ((1.0 - edge) * (0.02 + 1.30 * part) + edge) * seen + shine
        for part, seen in zip(colour, room, strict=True)
    )


def _reflected(solid: Solid, others: Sequence[tuple[Thing, Solid]], points: Points, mirror: Points) -> list[Array]:
    """What a mirror at these points shows in these directions, red, green and blue: the floor around, a long window

    above, and the things near by. Floor and window are placed relative to the thing, so that all metal looks alike.
    """
    x, y, _ = solid.inside((points[0] - solid.x, points[1] - solid.y, points[2] - solid.half))
    mx, my, mz = solid.inside(mirror)
    one = 1.0 / solid.half
    fall = points[2] / np.maximum(-mz, 1e-3)
    away = np.sqrt((x + fall * mx) * (x + fall * mx) + (y + fall * my) * (y + fall * my)) * one
    dark = _smooth(1.0 - np.abs(away - 2.3) / 1.1)
    floor = 0.60 - 0.45 * dark - 0.25 * _smooth(1.6 - away)
    up = 1.0 / np.maximum(mz, 0.15)
    streak = (mx + 0.35 * my) * up + (1.1 * x + 0.5 * y) * one - 0.35
    sky = 0.20 + 0.95 * _smooth(1.25 - np.abs(streak) / 0.45)
    room = floor + (sky - floor) * _smooth(mz / 0.08 + 0.5)
    out = [room, room, room]
    for other, its in others:
        if not reaches(its, solid):
            continue
        near, far = geometry.across(its, points, mirror)
        shown = _smooth((far - np.maximum(near, 0.0)) / (0.5 * its.half))
        out = [part + (0.75 * tint - part) * shown for part, tint in zip(out, _colour(other.colour), strict=True)]
    return out


def reaches(other: Solid, solid: Solid) -> bool:
    """Whether `other` is near enough to throw its shadow on the solid, or to be mirrored in it."""
    gap = math.hypot(other.x - solid.x, other.y - solid.y) - solid.circle - other.circle
    return gap < NEAR * other.half


def _dot(points: Points, way: Point) -> Array:
    return points[0] * way[0] + points[1] * way[1] + points[2] * way[2]


def _power(part: Array, doublings: int) -> Array:
    """part ** (2 ** doublings), by products alone."""
    for _ in range(doublings):
        part = part * part
    return part
