"""How hard a jigsaw is, and what guessing is worth in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

KINDS = ("permutation", "rotation", "patch")
WRONG = ("other", "same", "near")
SCORES = ("places", "joins", "all")
TURNS = ("0", "90", "180", "270")  # degrees clockwise
OF_PATCH = ("choices", "wrong")  # options that only a patch has
OF_PIECES = ("rows", "columns", "moved", "border")  # options that only pieces have


@dataclass(frozen=True, slots=True)
class Level:
    """A difficulty. The fields that its kind has not stay at their defaults."""

    kind: str
    rows: int = 1
    columns: int = 1
    moved: int | None = None  # pieces that are not as they belong, exactly; None: every arrangement is equally likely
    border: int = 0  # percent of a piece's height and width that is black, half of it at each side
    choices: int = 0
    wrong: str = "same"  # where the wrong patches are from

    @property
    def pieces(self) -> int:
        return self.rows * self.columns

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of the actions."""
        match self.kind:
            case "permutation":
                return tuple(str(place + 1) for place in range(self.pieces))
            case "rotation":
                return TURNS
            case _:
                return tuple("ABCDEFGH"[: self.choices])

    @property
    def steps(self) -> int:
        """Decisions of a match. The last piece of a permutation needs none."""
        return self.pieces if self.kind == "rotation" else max(1, self.pieces - 1)

    def __str__(self) -> str:
        names = OF_PATCH if self.kind == "patch" else OF_PIECES
        given = [f"{name}={value}" for name in names if (value := getattr(self, name)) is not None]
        return ", ".join([f"kind={self.kind}", *given])

    def check(self) -> None:
        """ValueError for what cannot be."""
        if self.kind == "rotation" and self.rows != self.columns:
            raise ValueError(
                f"rows={self.rows}, columns={self.columns}: only square pieces can be turned, so a rotation needs as "
                "many rows as columns"
            )
        if self.kind == "permutation" and self.pieces == 1:
            raise ValueError("rows=1, columns=1: a permutation needs two pieces at least. Take more rows or columns")
        if self.kind == "permutation" and self.moved == 1:
            raise ValueError("moved=1: one piece alone cannot be at a wrong place; expected 0, or 2 or more")
        if self.moved is not None and self.moved > self.pieces:
            raise ValueError(
                f"moved={self.moved}: there are {self.pieces} pieces. Take as many at most, or more rows or columns"
            )


LADDER: dict[str, tuple[Level, ...]] = {
    "permutation": (
        Level("permutation", 1, 2),
        Level("permutation", 2, 2),
        Level("permutation", 2, 3),
        Level("permutation", 3, 3),
        Level("permutation", 4, 4),
    ),
    "rotation": (
        Level("rotation", 1, 1),
        Level("rotation", 2, 2),
        Level("rotation", 3, 3),
        Level("rotation", 3, 3, border=20),
        Level("rotation", 3, 3, border=40),
    ),
    "patch": (
        Level("patch", choices=2, wrong="other"),
        Level("patch", choices=4, wrong="other"),
        Level("patch", choices=4, wrong="same"),
        Level("patch", choices=6, wrong="same"),
        Level("patch", choices=8, wrong="near"),
    ),
}


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Of these options, those that take the place of what the difficulty sets."""
    return {name: options[name] for name in (*OF_PATCH, *OF_PIECES) if options[name] is not None}


def ladder(options: Mapping[str, Any]) -> list[Level]:
    """For each difficulty the level of the other options. ValueError for what their kind has not."""
    kind: str = options["kind"]
    changes = given(options)
    for name, value in changes.items():
        if (kind == "patch") != (name in OF_PATCH):
            which = "only patch" if name in OF_PATCH else "all but patch"
            raise ValueError(f"{name}={value}: @kind={kind} has no {name}, {which} has. Leave it out")
    if options["score"] == "joins" and kind != "permutation":
        raise ValueError(f"score=joins: only a permutation has joins, not @kind={kind}; expected places or all")
    if options["answer"] == "whole" and kind == "patch":
        raise ValueError("answer=whole: a patch is one answer in any case; leave answer out")
    return [replace(one, **changes) for one in LADDER[kind]]


def chance_level(level: Level, score: str = "places") -> Fraction:
    """What guessing scores on average, exactly: every legal answer equally likely in every step.

    Whoever guesses a permutation step by step leaves every order of the pieces equally likely, so each piece is at its
    place with probability 1/n, and two that are side by side belong so with probability (joins in this direction) /
    (n (n - 1)).
    """
    number = level.pieces
    match level.kind, score:
        case "patch", _:
            return Fraction(1, level.choices)
        case "rotation", "places":
            return Fraction(1, 4)
        case "rotation", "all":
            return Fraction(1, 4**number)
        case _, "places":
            return Fraction(1, number)
        case _, "all":
            return Fraction(1, math.factorial(number))
    across, down = level.rows * (level.columns - 1), (level.rows - 1) * level.columns
    return Fraction(across**2 + down**2, number * (number - 1) * (across + down))
