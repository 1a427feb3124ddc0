"""Pictures of jigsaws: pieces with their numbers, or a picture with a hole and patches with their letters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from arena.game import Image as Pixels
from arena_games.cards.paste import put
from arena_games.cards.text import text
from arena_games.jigsaw.cutting import PATCH, SIDE
from arena_games.jigsaw.puzzles import PatchPuzzle, PiecesPuzzle

GROUND, NEXT, DONE, HOLE = "#1c2434", "#ffd34d", "#3fae6a", "#3a3f4a"
GAP = 0.025  # between pieces, as a part of the picture's side
Box = tuple[float, float, float, float]


def pieces(puzzle: PiecesPuzzle, height: int, width: int) -> Pixels:
    """The pieces as they lie, with the numbers of their places; what is next is framed. uint8 (height, width, 3)."""
    out = Image.new("RGB", (width, height), GROUND)
    pen, side, level = ImageDraw.Draw(out), min(height, width), puzzle.level
    gap = max(2, round(GAP * side))
    left, top = (width - side) / 2, (height - side) / 2
    high, wide = (side - gap) / level.rows, (side - gap) / level.columns
    shown = puzzle.shown().reshape(level.rows, SIDE // level.rows, level.columns, SIDE // level.columns, 3)
    for place in range(level.pieces):
        row, column = divmod(place, level.columns)
        x, y = round(left + gap / 2 + column * wide + gap / 2), round(top + gap / 2 + row * high + gap / 2)
        size = (round(wide - gap), round(high - gap))
        if not puzzle.whole and level.pieces > 1 and (puzzle.over or place <= puzzle.next):
            frame = NEXT if place == puzzle.next and not puzzle.over else DONE
            pen.rectangle((x - gap / 2, y - gap / 2, x + size[0] - 1 + gap / 2, y + size[1] - 1 + gap / 2), fill=frame)
        _paste(out, shown[row, :, column], x, y, size)
        if level.pieces > 1:
            _badge(out, str(place + 1), x, y, max(9, round(min(side / 14, min(size) / 4))))
    return np.array(out)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a puzzle of patches are drawn, in pixels; boxes are (left, top, right, bottom)."""

    picture: tuple[int, int, int]  # left, top, side
    hole: Box
    patches: tuple[tuple[int, int, int], ...]  # left, top, side of each


def layout(puzzle: PatchPuzzle, height: int, width: int) -> Layout:
    """The picture, and the patches below it or, in a wide picture, beside it."""
    number, gap = len(puzzle.names), max(2, round(GAP * min(height, width)))
    if width >= 1.4 * height:
        side = height - 2 * gap
        columns = 1 if number <= 2 else 2
        boxes = list(_boxes(number, columns, (side + 2 * gap, gap, width - gap, height - gap), gap))
    else:
        side = round((0.7 if number <= 4 else 0.58) * min(height, width))
        columns = number if number <= 4 else math.ceil(number / 2)
        boxes = list(_boxes(number, columns, (gap, side + 2 * gap, width - gap, height - gap), gap))
    x, y = (gap, gap) if width >= 1.4 * height else ((width - side) // 2, gap)
    scale = side / SIDE
    hole = (x + puzzle.cut.hole[1] * scale, y + puzzle.cut.hole[0] * scale)
    end = (hole[0] + PATCH * scale - 1, hole[1] + PATCH * scale - 1)
    places = []
    for left, top, right, bottom in boxes:
        size = int(min(right - left, bottom - top))
        places.append((round((left + right - size) / 2), round((top + bottom - size) / 2), size))
    return Layout((x, y, side), (*hole, *end), tuple(places))


def patches(puzzle: PatchPuzzle, height: int, width: int) -> Pixels:
    """The picture with its hole, and the patches."""
    out = Image.new("RGB", (width, height), GROUND)
    cut, at = puzzle.cut, layout(puzzle, height, width)
    x, y, side = at.picture
    _paste(out, cut.picture, x, y, (side, side))
    left, top, right, bottom = at.hole
    size = PATCH * side / SIDE
    if puzzle.chosen is None:
        ImageDraw.Draw(out).rectangle(at.hole, fill=HOLE, outline=NEXT)
        put(out, text("?", max(9, round(size / 2)), NEXT, True), (left + right) / 2, (top + bottom) / 2)
    else:
        _paste(out, cut.patches[puzzle.chosen], round(left), round(top), (round(size),) * 2)
    for name, patch, (x, y, side) in zip(puzzle.names, cut.patches, at.patches, strict=True):
        _paste(out, patch, x, y, (side, side))
        _badge(out, name, x, y, max(9, round(min(min(height, width) / 14, side / 5))))
    return np.array(out)


def _boxes(number: int, columns: int, within: Box, gap: int) -> Iterator[Box]:
    """A grid of boxes in reading order."""
    rows = math.ceil(number / columns)
    wide, high = (within[2] - within[0] + gap) / columns, (within[3] - within[1] + gap) / rows
    for at in range(number):
        row, column = divmod(at, columns)
        left, top = within[0] + column * wide, within[1] + row * high
        yield left, top, left + wide - gap, top + high - gap


def _paste(out: Image.Image, part: Pixels, x: int, y: int, size: tuple[int, int]) -> None:
    how = Image.Resampling.BOX if size[0] < part.shape[1] else Image.Resampling.BICUBIC
    out.paste(Image.fromarray(np.ascontiguousarray(part)).resize(size, how), (x, y))


def _badge(out: Image.Image, name: str, x: int, y: int, size: int) -> None:
    """A name in a corner, on a dark ground."""
    sprite = text(name, size, "#ffffff", True)
    wide, high = sprite.width + size // 3, size + size // 5
    ImageDraw.Draw(out).rectangle((x, y, x + wide, y + high), fill="#000000")
    put(out, sprite, x + wide / 2, y + high / 2)
