"""One seat's copy of a jigsaw: pieces that are put to their places one after another, or a hole to be filled."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.game import Image, Vector
from arena_games.jigsaw import cutting
from arena_games.jigsaw.colours import colour
from arena_games.jigsaw.cutting import SIDE, Patches, Pieces
from arena_games.jigsaw.levels import TURNS, Level
from arena_games.puzzles.game import Puzzle

FULL = 10_000  # a mismatch of black and white
SIDES = ("top", "right", "bottom", "left")


def numbers(said: str) -> list[int] | None:
    """The numbers of a whole answer, which are parted by spaces, commas or semicolons; None for anything else."""
    words = re.split(r"[\s,;`]+", said.strip(" ,;`"))
    return [int(word) for word in words] if all(re.fullmatch("[0-9]{1,4}", word) for word in words) else None


class PiecesPuzzle(Puzzle):
    """Permutation and rotation. What is seen of it is the pieces as they lie now, and which place is next."""

    def __init__(self, cut: Pieces, score: str, whole: bool) -> None:
        """`whole`: all is answered at once, by words; the only action gives up."""
        self.level, self.picture, self.whole = cut.level, cut.picture, whole
        self.order, self.turns = list(cut.order), list(cut.turns)
        self.next = 0  # the place that is decided next
        self._score = score

    def act(self, action: int) -> tuple[float, str]:
        place = self.next
        if self.level.kind == "permutation":
            self.order[place], self.order[action] = self.order[action], self.order[place]
            said = f"puts piece {action + 1} to place {place + 1}"
        else:
            self.turns[place] = (self.turns[place] + action) % 4
            said = f"turns piece {place + 1} by {TURNS[action]} degrees"
        self.next += 1
        if self.next < self.level.steps:
            return 0.0, said
        self.over = True
        return self._worth(), f"{said}: {self.right} of {self.level.pieces} are right"

    def told(self, said: str) -> tuple[float, str]:
        """All pieces at once: where each belongs, or by how much to turn it. 0 for what is no such answer."""
        self.over = True
        given = numbers(said)
        if given is None or len(given) != self.level.pieces:
            return 0.0, f"says what is no answer: {said}"
        if self.level.kind == "rotation":
            if not {str(one) for one in given} <= set(TURNS):
                return 0.0, f"says what is no answer: {said}"
            self.turns = [(now + one // 90) % 4 for now, one in zip(self.turns, given, strict=True)]
            return self._worth(), f"says {said}: {self.right} of {self.level.pieces} are right"
        right = sum(home == place - 1 for home, place in zip(self.order, given, strict=True))
        if sorted(given) != list(range(1, self.level.pieces + 1)):  # a place twice: counts where it is right
            worth = right / self.level.pieces if self._score == "places" else 0.0
        else:
            before = list(self.order)
            for home, place in zip(before, given, strict=True):
                self.order[place - 1] = home
            worth = self._worth()
        return worth, f"says {said}: {right} of {self.level.pieces} are right"

    @property
    def right(self) -> int:
        """Pieces that are as they belong."""
        return sum(at == home and not turn for at, (home, turn) in enumerate(zip(self.order, self.turns, strict=True)))

    def _worth(self) -> float:
        if self._score == "all":
            return float(self.right == self.level.pieces)
        if self._score == "places":
            return self.right / self.level.pieces
        columns, pairs = self.level.columns, cutting.neighbours(self.level)
        good = 0
        for a, b, across in pairs:
            one, other = self.order[a], self.order[b]
            good += other - one == (1 if across else columns) and (not across or other % columns > 0)
        return good / len(pairs)

    def legal(self) -> tuple[int, ...]:
        if self.whole:
            return (0,)
        return tuple(range(self.next, self.level.pieces)) if self.level.kind == "permutation" else (0, 1, 2, 3)

    def best(self) -> int:
        """The action that puts the next piece as it belongs, if that can still be."""
        if self.level.kind == "rotation":
            return -self.turns[self.next] % 4
        return self.order.index(self.next) if self.next in self.order[self.next :] else self.next

    def worst(self) -> int:
        """An action after which as few pieces as can be may still get right."""
        if self.whole:
            return 0
        if self.level.kind == "rotation":
            return (self.best() + 2) % 4
        left = self.order[self.next :]

        def hopes(action: int) -> int:
            piece = self.order[action]
            return (piece == self.next) + sum(one > self.next and one != piece for one in left)

        return min(self.legal(), key=hopes)

    def shown(self) -> Image:
        """The pieces as they lie, with their black borders: all that a seat sees. uint8 (SIDE, SIDE, 3)."""
        out = np.zeros_like(self.picture)
        pieces, places = cutting.split(self.picture, self.level), cutting.split(out, self.level)
        for place, home, turn in zip(places, self.order, self.turns, strict=True):
            place[:] = np.rot90(pieces[home], -turn)
        return out

    def facts(self) -> dict[str, str]:
        shown = cutting.split(self.shown(), self.level)
        out = {
            "kind": self.level.kind,
            "rows": str(self.level.rows),
            "columns": str(self.level.columns),
            "next": "none" if self.over else "all" if self.whole else str(self.next + 1),
        }
        if self.level.kind == "permutation":
            right, below = cutting.joins(shown)
            return {**out, "right": _rows(right), "below": _rows(below)}
        edges = cutting.turned_joins(shown, self.level)
        tables = [f"{a + 1} {'right' if b == a + 1 else 'below'} {b + 1}: {_row(t.ravel())}" for a, b, t in edges]
        sides = [f"{side} {light}" for side, light in zip(SIDES, _lights(self.shown(), self.level), strict=True)]
        return {**out, "joins": "\n".join(tables) or "none", "sides": ", ".join(sides)}

    def vector(self) -> Vector:
        """The place that is next, one-hot, then the numbers of the facts, each in [0, 1]."""
        ahead = np.zeros(self.level.pieces)
        if not self.over:
            ahead[self.next] = 1
        shown = cutting.split(self.shown(), self.level)
        if self.level.kind == "permutation":
            tables = [np.maximum(table, 0).ravel() / FULL for table in cutting.joins(shown)]
        else:
            tables = [table.ravel() / FULL for _, _, table in cutting.turned_joins(shown, self.level)]
            tables.append(np.array(_lights(self.shown(), self.level)) / 1000)
        return np.concatenate([ahead, *tables]).astype(np.float32)

    def state(self) -> Any:
        return [self.order, self.turns, self.next, self.over]


class PatchPuzzle(Puzzle):
    """A hole, and patches of which one was there."""

    def __init__(self, cut: Patches, names: tuple[str, ...]) -> None:
        self.cut, self.names = cut, names
        self.chosen: int | None = None

    def act(self, action: int) -> tuple[float, str]:
        self.over, self.chosen = True, action
        right = action == self.cut.right
        return float(right), f"chooses {self.names[action]}, which is {'right' if right else 'wrong'}"

    def legal(self) -> tuple[int, ...]:
        return tuple(range(len(self.names)))

    def best(self) -> int:
        return self.cut.right

    def worst(self) -> int:
        return (self.cut.right + 1) % len(self.names)

    def facts(self) -> dict[str, str]:
        table = zip(self.names, cutting.fits(self.cut), strict=True)
        words = [
            f"{name}: " + ", ".join(f"{side} {n}" for side, n in zip(SIDES, row, strict=True)) for name, row in table
        ]
        sides = [cutting.ring(self.cut.picture, self.cut.hole), *map(cutting.borders, self.cut.patches)]
        colours = [" ".join(map(colour, lines)) for lines in sides]
        return {
            "kind": "patch",
            "next": "the hole",
            "fits": "\n".join(words),
            "colours": "\n".join(map(": ".join, zip(("hole", *self.names), colours, strict=True))),
        }

    def vector(self) -> Vector:
        return (cutting.fits(self.cut).ravel() / FULL).astype(np.float32)

    def state(self) -> Any:
        return [list(self.cut.hole), self.cut.right, self.chosen]


def width(level: Level) -> int:
    """Numbers of the vector view."""
    match level.kind:
        case "patch":
            return 4 * level.choices
        case "permutation":
            return level.pieces + 2 * level.pieces**2
        case _:
            return level.pieces + 16 * len(cutting.neighbours(level)) + 4


def _lights(shown: Image, level: Level) -> list[int]:
    """How light the sides of a picture are, 12 pixels deep, in thousandths of white: nine in ten pixels are darker."""
    down, right = (SIDE // number * level.border // 200 for number in (level.rows, level.columns))
    light = shown[down : SIDE - down, right : SIDE - right].astype(np.int64).sum(axis=2)
    parts = (light[:12], light[:, -12:], light[-12:], light[:, :12])
    return [int(1000 * np.sort(part, axis=None)[9 * part.size // 10] // 765) for part in parts]


def _row(values: npt.NDArray[np.int64]) -> str:
    return " ".join("-" if value < 0 else str(value) for value in values)


def _rows(table: cutting.Table) -> str:
    return "\n".join(f"{at + 1}: {_row(row)}" for at, row in enumerate(table))
