"""Spheres, boxes and cylinders on a floor, and the camera that looks at them.

Units of the floor; x to the right, y away from the camera, z up. float64 throughout, and only operations that IEEE 754
rounds exactly (no powers, no sines), so that every machine finds the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Point = tuple[float, float, float]
Points = tuple[Array, Array, Array]
Box = tuple[slice, slice]  # rows and columns of a picture

EYE: Point = (0.0, -15.0, 12.6)
LOOKS_AT: Point = (0.0, -0.35, 0.25)
WIDE = 0.255  # tangent of half the angle of view
COARSE = 64  # pixels of a side, to find out what is hidden


@dataclass(frozen=True, slots=True)
class Solid:
    """A sphere, cube or cylinder that stands on the floor: its middle, half its height, half its side or radius, and

    the cosine and sine of what it is turned by.
    """

    shape: str
    x: float
    y: float
    half: float
    cosine: float
    sine: float
    circle: float  # radius of the circle that it stands in

    def inside(self, points: Points) -> Points:
        """Directions in its own frame."""
        x, y, z = points
        return self.cosine * x + self.sine * y, self.cosine * y - self.sine * x, z

    def outside(self, points: Points) -> Points:
        """Directions of its own frame, in that of the floor."""
        x, y, z = points
        return self.cosine * x - self.sine * y, self.cosine * y + self.sine * x, z

    def box(self, grow: float = 0.0) -> tuple[Array, Array, Array]:
        """The eight corners of a box around it, in units."""
        wide = (self.circle if self.shape == "cube" else self.half) + grow
        signs = np.array([-1.0, 1.0])
        x, y, z = np.meshgrid(self.x + wide * signs, self.y + wide * signs, self.half * (1 + signs), indexing="ij")
        return x.ravel(), y.ravel(), z.ravel()


def solid(shape: str, x: float, y: float, radius: float, turn: float) -> Solid:
    """A solid in a circle of this radius on the floor. `turn` in [0, 1] is how far a cube is turned."""
    half = radius * {"cube": 0.72, "sphere": 1.0, "cylinder": 0.8}[shape]
    tangent = 0.12 + 0.5 * turn  # of half the angle: cosine and sine without a sine
    square = tangent * tangent
    cosine, sine = (1 - square) / (1 + square), 2 * tangent / (1 + square)
    return Solid(shape, x, y, half, cosine, sine, 1.42 * half if shape == "cube" else half)


def across(solid: Solid, origin: Points | Point, way: Points) -> tuple[Array, Array]:
    """Where rays enter and leave the solid, as multiples of `way` from `origin`; those that miss leave before they

    enter.
    """
    x, y, z = (np.asarray(part, np.float64) for part in origin)
    at = solid.inside((x - solid.x, y - solid.y, z - solid.half))
    to = solid.inside(way)
    if solid.shape == "sphere":
        return _round(at, to, solid.half, 3)
    planes = [2] if solid.shape == "cylinder" else [0, 1, 2]
    near, far = _slab(at[planes[0]], to[planes[0]], solid.half)
    for axis in planes[1:]:
        enter, leave = _slab(at[axis], to[axis], solid.half)
        near, far = np.maximum(near, enter), np.minimum(far, leave)
    if solid.shape == "cylinder":
        enter, leave = _round(at, to, solid.half, 2)
        near, far = np.maximum(near, enter), np.minimum(far, leave)
    return near, far


def _slab(at: Array, to: Array, half: float) -> tuple[Array, Array]:
    one = 1.0 / np.where(to == 0.0, 1e-12, to)
    middle, reach = -at * one, half * np.abs(one)
    return middle - reach, middle + reach


def _round(at: Points, to: Points, radius: float, axes: int) -> tuple[Array, Array]:
    a = to[0] * to[0] + to[1] * to[1]
    b = at[0] * to[0] + at[1] * to[1]
    c = at[0] * at[0] + at[1] * at[1] - radius * radius
    if axes == 3:
        a, b, c = a + to[2] * to[2], b + at[2] * to[2], c + at[2] * at[2]
    inner = b * b - a * c
    root = np.sqrt(np.maximum(inner, 0.0))
    miss = inner <= 0.0
    return np.where(miss, 1.0, (-b - root) / a), np.where(miss, 0.0, (-b + root) / a)


def face(solid: Solid, points: Points) -> npt.NDArray[np.int64]:
    """Which face of the solid points of its surface are on: of a cube the axis (0, 1, 2), of a cylinder 0 for its side

    and 2 for an end, of a sphere 0.
    """
    x, y, z = (np.abs(part) for part in _placed(solid, points))
    if solid.shape == "sphere":
        return np.zeros(x.shape, np.int64)
    if solid.shape == "cylinder":
        return np.where(z >= solid.half * (1 - 1e-9), 2, 0)
    return np.where((x >= y) & (x >= z), 0, np.where(y >= z, 1, 2))


def normal(solid: Solid, points: Points) -> Points:
    """The directions away from the solid at points of its surface, of length 1."""
    x, y, z = _placed(solid, points)
    one = 1.0 / solid.half
    if solid.shape == "sphere":
        return solid.outside((x * one, y * one, z * one))
    on = face(solid, points)
    if solid.shape == "cylinder":
        side = np.where(on == 2, 0.0, 1.0 / np.maximum(np.sqrt(x * x + y * y), 1e-12))
        return solid.outside((x * side, y * side, _sign(z, on == 2)))
    return solid.outside((_sign(x, on == 0), _sign(y, on == 1), _sign(z, on == 2)))


def _placed(solid: Solid, points: Points) -> Points:
    """Points in the solid's own frame."""
    return solid.inside((points[0] - solid.x, points[1] - solid.y, points[2] - solid.half))


def _sign(part: Array, where: npt.NDArray[np.bool_]) -> Array:
    return np.where(where, np.sign(part), 0.0)


def unit(x: float, y: float, z: float) -> Point:
    """The direction, of length 1."""
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


AHEAD = unit(LOOKS_AT[0] - EYE[0], LOOKS_AT[1] - EYE[1], LOOKS_AT[2] - EYE[2])
ABOVE = (0.0, -AHEAD[2], AHEAD[1])  # the camera is not turned sideways, so its right is (1, 0, 0)


@lru_cache(maxsize=8)
def rays(size: int) -> Points:
    """The way of the ray through each of size x size pixels, not of unit length; read-only."""
    steps: Array = ((np.arange(size, dtype=np.float64) + 0.5) * (2.0 / size) - 1.0) * WIDE
    right, up = steps[None, :], -steps[:, None]
    ways = (
        right + np.zeros_like(up),
        AHEAD[1] + ABOVE[1] * up + np.zeros_like(right),
        AHEAD[2] + ABOVE[2] * up + np.zeros_like(right),
    )
    for way in ways:
        way.setflags(write=False)
    return ways


def frame(points: Points, size: int, margin: int = 0) -> Box:
    """The pixels within which these points are seen, and `margin` more, of a picture of size x size."""
    x, y, z = points[0] - EYE[0], points[1] - EYE[1], points[2] - EYE[2]
    deep = y * AHEAD[1] + z * AHEAD[2]
    right, up = x / deep / WIDE, (y * ABOVE[1] + z * ABOVE[2]) / deep / WIDE
    left, end = ((float(edge) + 1) * size / 2 for edge in (right.min(), right.max()))
    top, bottom = ((1 - float(edge)) * size / 2 for edge in (up.max(), up.min()))
    return (
        slice(max(0, math.floor(top) - margin), min(size, math.ceil(bottom) + margin)),
        slice(max(0, math.floor(left) - margin), min(size, math.ceil(end) + margin)),
    )


def from_far(solids: Sequence[Solid]) -> list[int]:
    """Their order from far to near: none hides one that comes later. Circles that do not meet are parted by the line

    of points with equal power to both, so it is the order of the eye's power to them.
    """
    return sorted(
        range(len(solids)),
        key=lambda at: (
            -((solids[at].x - EYE[0]) ** 2 + (solids[at].y - EYE[1]) ** 2 - solids[at].circle ** 2),
            at,
        ),
    )


def seen(solids: Sequence[Solid]) -> list[float]:
    """The part of each solid's outline that no other hides and that is within the picture."""
    owner = np.full((COARSE, COARSE), -1)
    own = [0] * len(solids)
    for at in from_far(solids):
        box = frame(solids[at].box(), COARSE)
        ways = rays(COARSE)
        near, far = across(solids[at], EYE, (ways[0][box], ways[1][box], ways[2][box]))
        hit = far > near
        own[at] = int(hit.sum())
        owner[box][hit] = at
    return [int((owner == at).sum()) / max(1, count) for at, count in enumerate(own)]
