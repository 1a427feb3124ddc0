"""Cuts pictures into puzzles of exactly the difficulty that was asked for. Pictures are uint8 (SIDE, SIDE, 3)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arena.game import Image
from arena_games.jigsaw.levels import Level

SIDE = 240  # pixels; 1, 2, 3 and 4 pieces in a row come out even
PATCH = 60  # pixels of a patch's side
NEAR = (15, 30)  # pixels that a wrong patch of @wrong=near is beside the hole, down or across, whichever is more
DIFFER = 6.0  # grey levels that any two pieces, or patches, differ in the mean at least
CLEARLY = 2  # times worse than any cut that opposite sides fit
TRIES = 100  # holes and patches that are tried in a picture
PICTURES = 200  # pictures that are tried for one puzzle
ALIKE = "their pieces look alike"
REMEDY = "Take fewer rows and columns, or a smaller border"
Draw = Callable[[np.random.Generator], Image]  # a picture by chance
Table = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """A picture in pieces: permutation, or rotation."""

    level: Level
    picture: Image
    order: tuple[int, ...]  # by place: which piece lies there, as the number of the place where it belongs
    turns: tuple[int, ...]  # by place: quarter turns clockwise by which the piece is turned


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """A picture with a hole, and patches of which one was there."""

    level: Level
    picture: Image  # with the hole in it
    hole: tuple[int, int]  # its top and left
    patches: tuple[Image, ...]
    right: int


Cut = Pieces | Patches


def cut(level: Level, draw: Draw, chance: np.random.Generator, known: Image | None = None) -> Cut:
    """A puzzle of this level; of the picture `known` where PICTURES others are too uniform. Without it, ValueError."""
    for _ in range(PICTURES):
        made = of_picture(level, draw(chance), draw, chance)
        if made is not None:
            return made
    made = None if known is None else of_picture(level, known, draw, chance)
    if made is None:
        raise ValueError(f"{level}: of {PICTURES} pictures none can be cut so: {ALIKE}. {REMEDY}")
    return made


def of_picture(level: Level, picture: Image, draw: Draw, chance: np.random.Generator) -> Cut | None:
    """The same of one picture; None if its parts look alike. `draw` gives another one for patches of other pictures."""
    if level.kind == "patch":
        return _patches(level, picture, draw, chance)
    if level.pieces > 1 and not _differ(split(picture, level)):
        return None
    if level.kind == "rotation" and not all(_differ(_turned(piece)) for piece in split(picture, level)):
        return None
    if level.kind == "permutation" and _wraps(picture, level):
        return None
    order, turns = tuple(range(level.pieces)), (0,) * level.pieces
    if level.kind == "permutation":
        order = _order(level, chance)
    else:
        turns = _turns(level, chance)
    return Pieces(level, picture, order, turns)


def split(picture: Image, level: Level) -> list[Image]:
    """The pieces of a picture in reading order, without their black borders."""
    high, wide = SIDE // level.rows, SIDE // level.columns
    down, right = (high * level.border // 200, wide * level.border // 200)
    return [
        picture[top + down : top + high - down, left + right : left + wide - right]
        for top in range(0, SIDE, high)
        for left in range(0, SIDE, wide)
    ]


def mismatch(one: Image, other: Image) -> int:
    """How much two rows of pixels differ: ten-thousandths of the most that they could.

    A pixel is compared to that beside it and to both neighbours of that, and the least difference counts: an outline
    that crosses the edge at a slant goes on a pixel further.
    """
    first, second = one.astype(np.int64), np.pad(other.astype(np.int64), ((1, 1), (0, 0)), mode="edge")
    size = len(first)
    gaps = [np.abs(first - second[shift : shift + size]).sum(axis=1) for shift in range(3)]
    return int(10_000 * np.minimum.reduce(gaps).sum() // (255 * first.size))


def joins(pieces: Sequence[Image]) -> tuple[Table, Table]:
    """int64 (n, n), twice: how ill piece j fits to the right of piece i, and below it. -1 where i is j."""
    right, below = (np.full((len(pieces), len(pieces)), -1) for _ in range(2))
    for i, j in itertools.permutations(range(len(pieces)), 2):
        right[i, j] = mismatch(pieces[i][:, -1], pieces[j][:, 0])
        below[i, j] = mismatch(pieces[i][-1], pieces[j][0])
    return right, below


def neighbours(level: Level) -> list[tuple[int, int, bool]]:
    """Places side by side: (the left one, the right one, True) and (the upper one, the lower one, False)."""
    at = np.arange(level.pieces).reshape(level.rows, level.columns)
    across = zip(at[:, :-1].ravel(), at[:, 1:].ravel(), strict=True)
    down = zip(at[:-1].ravel(), at[1:].ravel(), strict=True)
    return [*((int(a), int(b), True) for a, b in across), *((int(a), int(b), False) for a, b in down)]


def turned_joins(pieces: Sequence[Image], level: Level) -> list[tuple[int, int, Table]]:
    """For places side by side, int64 (4, 4): how ill they fit if they are turned by so many quarters more."""
    every = [_turned(piece) for piece in pieces]
    out = []
    for a, b, across in neighbours(level):
        table = np.zeros((4, 4), np.int64)
        for one, other in itertools.product(range(4), repeat=2):
            first, second = every[a][one], every[b][other]
            edges = (first[:, -1], second[:, 0]) if across else (first[-1], second[0])
            table[one, other] = mismatch(*edges)
        out.append((a, b, table))
    return out


def ring(picture: Image, hole: tuple[int, int]) -> tuple[Image, Image, Image, Image]:
    """The rows of pixels around a hole: above it, right of it, below it, left of it."""
    top, left = hole
    bottom, right = top + PATCH, left + PATCH
    return (
        picture[top - 1, left:right],
        picture[top:bottom, right],
        picture[bottom, left:right],
        picture[top:bottom, left - 1],
    )


def borders(patch: Image) -> tuple[Image, Image, Image, Image]:
    """The outermost rows of pixels of a patch: its upper, right, lower and left one."""
    return patch[0], patch[:, -1], patch[-1], patch[:, 0]


def fits(puzzle: Patches) -> Table:
    """int64 (patches, 4): how ill each fits above, right, below and left."""
    around = ring(puzzle.picture, puzzle.hole)
    return np.array([[mismatch(*pair) for pair in zip(borders(one), around, strict=True)] for one in puzzle.patches])


def _turned(piece: Image) -> list[Image]:
    """A piece as it is, and turned clockwise by one, two and three quarters."""
    return [np.rot90(piece, -quarters) for quarters in range(4)]


def _differ(parts: Sequence[Image]) -> bool:
    whole = [part.astype(np.int16) for part in parts]
    return all(float(np.abs(a - b).mean()) >= DIFFER for a, b in itertools.combinations(whole, 2))


def _wraps(picture: Image, level: Level) -> bool:
    """Whether opposite sides fit about as well as what is cut: what is beyond the cut might as well come before it."""
    for sides, number in ((picture, level.rows), (np.swapaxes(picture, 0, 1), level.columns)):
        cuts = [mismatch(sides[at - 1], sides[at]) for at in range(SIDE // number, SIDE, SIDE // number)]
        if cuts and mismatch(sides[-1], sides[0]) < CLEARLY * max(cuts):
            return True
    return False


def _order(level: Level, chance: np.random.Generator) -> tuple[int, ...]:
    """An order in which exactly `moved` pieces are not at their places, each such order equally likely."""
    order = np.arange(level.pieces)
    if level.moved is None:
        return tuple(int(one) for one in chance.permutation(order))
    places = np.sort(chance.choice(level.pieces, level.moved, replace=False))
    while True:
        mixed = chance.permutation(places)
        if (mixed != places).all():
            order[places] = mixed
            return tuple(int(one) for one in order)


def _turns(level: Level, chance: np.random.Generator) -> tuple[int, ...]:
    if level.moved is None:
        return tuple(int(one) for one in chance.integers(4, size=level.pieces))
    turns = np.zeros(level.pieces, np.int64)
    turns[chance.choice(level.pieces, level.moved, replace=False)] = chance.integers(1, 4, size=level.moved)
    return tuple(int(one) for one in turns)


def _patches(level: Level, picture: Image, draw: Draw, chance: np.random.Generator) -> Patches | None:
    for _ in range(TRIES):
        hole = _corner(chance, NEAR[1] + 1)
        found = [_at(picture, hole)]
        for _ in range(TRIES // 4):
            if len(found) == level.choices:
                break
            one = _wrong(level, picture, hole, draw, chance)
            if one is not None and _differ([one, *found]):
                found.append(one)
        if len(found) == level.choices:
            places = chance.permutation(level.choices)
            holed = picture.copy()
            _at(holed, hole)[:] = 0
            return Patches(level, holed, hole, tuple(found[at] for at in places), int(np.argmin(places)))
    return None


def _wrong(
    level: Level, picture: Image, hole: tuple[int, int], draw: Draw, chance: np.random.Generator
) -> Image | None:
    """A patch from where the level takes wrong ones from; None if this one is not there."""
    if level.wrong == "other":
        other = draw(chance)
        return None if np.array_equal(other, picture) else _at(other, _corner(chance))
    if level.wrong == "near":
        down, right = (int(one) for one in chance.integers(-NEAR[1], NEAR[1] + 1, size=2))
        far = max(abs(down), abs(right)) >= NEAR[0]
        return _at(picture, (hole[0] + down, hole[1] + right)) if far else None
    corner = _corner(chance)
    apart = max(abs(corner[0] - hole[0]), abs(corner[1] - hole[1])) >= PATCH
    return _at(picture, corner) if apart else None


def _corner(chance: np.random.Generator, margin: int = 0) -> tuple[int, int]:
    top, left = chance.integers(margin, SIDE - PATCH - margin + 1, size=2)
    return int(top), int(left)


def _at(picture: Image, corner: tuple[int, int]) -> Image:
    return picture[corner[0] : corner[0] + PATCH, corner[1] : corner[1] + PATCH]
