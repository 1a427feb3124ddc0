"""Scenes in the words of CLEVR (Johnson et al., 1612.06890): things on a floor, and twins with a few declared edits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from arena_games.spy.pictures import geometry
from arena_games.spy.pictures.geometry import Solid

SHAPES = ("cube", "sphere", "cylinder")
COLOURS = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
SIZES = ("large", "small")
MATERIALS = ("rubber", "metal")
FEWEST, MOST = 3, 8  # things in a scene, in a twin too
RADII = {"large": 1.0, "small": 0.6}  # of the circle that a thing stands in, in units of the floor
FLOOR = (5.4, 7.4)  # units: so far apart are 0 and 1 of x and of y
GAP = 0.3  # units between two circles at least
MOVES = 2.5  # units that a moved thing moves at least
SEEN = 0.45  # part of a thing's outline that nothing hides
TRIES = 100  # places tried for a thing before the scene is begun anew

Kind = Literal["shape", "colour", "size", "material", "added", "removed", "moved"]
ATTRIBUTES: dict[str, tuple[str, ...]] = {"shape": SHAPES, "colour": COLOURS, "size": SIZES, "material": MATERIALS}
# One edit in three adds, removes or moves a thing; the others change an attribute.
KINDS: tuple[tuple[Kind, float], ...] = (
    *(("shape", 1 / 6), ("colour", 1 / 6), ("size", 1 / 6), ("material", 1 / 6)),
    *(("added", 1 / 9), ("removed", 1 / 9), ("moved", 1 / 9)),
)


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing: x from left (0) to right (1), y from near (0) to far (1), of its middle."""

    shape: str
    colour: str
    size: str
    material: str
    x: float
    y: float

    def __str__(self) -> str:
        return f"{self.size} {self.colour} {self.material} {self.shape}"

    @property
    def radius(self) -> float:
        """Of the circle on the floor that the thing stands in, in units."""
        return RADII[self.size]

    @property
    def solid(self) -> Solid:
        """What is seen of it, in units; the middle of the floor is (0, 0)."""
        return geometry.solid(self.shape, (self.x - 0.5) * FLOOR[0], (self.y - 0.5) * FLOOR[1], self.radius, self.x)


@dataclass(frozen=True, slots=True)
class Scene:
    """Things on a floor, none of them hidden. Their order has no meaning."""

    things: tuple[Thing, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """One difference of a twin: the thing with the index `thing` is `before` in the first scene and `after` in the

    twin. Of an added thing the index is the twin's, and `before` is None; of a removed one `after` is None.
    """

    kind: Kind
    thing: int
    before: Thing | None
    after: Thing | None


def scene(chance: np.random.Generator, count: tuple[int, int] = (FEWEST, MOST)) -> Scene:
    """A scene of `count` things (fewest, most). ValueError for a count that is not within 3 to 8."""
    low, high = count
    if not FEWEST <= low <= high <= MOST:
        raise ValueError(f"count={count}: expected two numbers from {FEWEST} to {MOST}, the smaller one first")
    number = int(chance.integers(low, high + 1))
    while True:
        things: list[Thing] = []
        while len(things) < number and (placed := _placed(_thing(chance), things, chance)) is not None:
            things.append(placed)
        if len(things) == number and _all_seen(things):
            return Scene(tuple(things))


def edited(
    scene: Scene, chance: np.random.Generator, edits: tuple[int, int] = (1, 3)
) -> tuple[Scene, tuple[Edit, ...]]:
    """A twin of the scene with `edits` differences (fewest, most), each of another thing, at most one of them a thing

    that is added, removed or moved. Unchanged things keep their places and their order. ValueError for edits that are
    not within 1 to 3.
    """
    low, high = edits
    if not 1 <= low <= high <= FEWEST:
        raise ValueError(f"edits={edits}: expected two numbers from 1 to {FEWEST}, the smaller one first")
    number = int(chance.integers(low, high + 1))
    while True:
        found = _edits(scene, chance, number)
        if found is not None and _all_seen(applied(scene, found).things):
            return applied(scene, found), found


def applied(scene: Scene, edits: Sequence[Edit]) -> Scene:
    """The twin that these edits of the scene make."""
    after = {edit.thing: edit.after for edit in edits if edit.before is not None}
    kept = [after.get(at, thing) for at, thing in enumerate(scene.things)]
    added = [edit.after for edit in edits if edit.before is None]
    return Scene(tuple(thing for thing in (*kept, *added) if thing is not None))


def _thing(chance: np.random.Generator) -> Thing:
    shape, colour, size, material = (str(chance.choice(words)) for words in ATTRIBUTES.values())
    return Thing(shape, colour, size, material, 0.0, 0.0)


def _placed(thing: Thing, others: Sequence[Thing], chance: np.random.Generator, away: float = 0.0) -> Thing | None:
    """The thing at a free place, `away` units or more from where it was; None if none was found."""
    for _ in range(TRIES):
        x, y = (round(float(part), 3) for part in chance.random(2))
        moved = replace(thing, x=x, y=y)
        if _apart(moved, thing) >= away and _free(moved, others):
            return moved
    return None


def _apart(thing: Thing, other: Thing) -> float:
    """Units from middle to middle."""
    return math.hypot((thing.x - other.x) * FLOOR[0], (thing.y - other.y) * FLOOR[1])


def _free(thing: Thing, others: Sequence[Thing]) -> bool:
    """Whether the thing keeps its distance to all others."""
    return all(_apart(thing, other) >= thing.radius + other.radius + GAP for other in others)


def _all_seen(things: Sequence[Thing]) -> bool:
    return all(part >= SEEN for part in geometry.seen([thing.solid for thing in things]))


def _changed(thing: Thing, attribute: str, word: str) -> Thing:
    change: dict[str, Any] = {attribute: word}
    return replace(thing, **change)


def _edits(scene: Scene, chance: np.random.Generator, number: int) -> tuple[Edit, ...] | None:
    """So many edits of different things; None if one of them had no place."""
    names, weights = zip(*KINDS, strict=True)
    kinds: list[Kind] = [names[at] for at in chance.choice(len(names), number, p=weights)]
    structural = [kind for kind in kinds if kind not in ATTRIBUTES]
    size = len(scene.things) + structural.count("added") - structural.count("removed")
    if len(structural) > 1 or not FEWEST <= size <= MOST:
        return None
    things = list(scene.things)
    found: list[Edit] = []
    for kind, at in zip(kinds, (int(at) for at in chance.permutation(len(things))), strict=False):
        before = scene.things[at]
        others = [thing for thing in things if thing is not before]
        after: Thing | None = None
        if kind == "added":
            after = _placed(_thing(chance), things, chance)
        elif kind == "moved":
            after = _placed(before, others, chance, MOVES)
        elif kind != "removed":
            words = [word for word in ATTRIBUTES[kind] if word != getattr(before, kind)]
            after = _changed(before, kind, str(chance.choice(words)))
            after = after if _free(after, others) else None
        if after is None and kind != "removed":
            return None
        if kind == "added":
            found.append(Edit(kind, len(things), None, after))
            assert after is not None
            things.append(after)
            continue
        found.append(Edit(kind, at, before, after))
        things = others + ([] if after is None else [after])
    return tuple(found)
