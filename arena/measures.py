"""Measures: numbers of a match that only its game can tell, such as how many votes were right, for tables of a run.

A game that has some names a function (`Game.measures`) that makes its Measures. When a run is over, each match is
played again from the log, without pictures, and asked for them: arena/record/measured.py. They stand in results.json,
under the scores in the terminal, and in the report. No seat is ever shown one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from arena.errors import GameError
from arena.game import Game

Kind = Literal["share", "mean"]  # a share is of numbers that are 0 or 1


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands in one table of measures."""

    title: str
    names: tuple[str, ...]  # what names a row, a column each: ("operator", "role")
    counted: str  # what the first of `columns` counts: "votes"
    columns: Mapping[str, Kind]  # by their heads
    note: str = ""  # sentences on how to read it


class Measure(NamedTuple):
    """One number of a match."""

    table: str  # by the names of Measures.tables
    column: str
    value: float
    seat: int | None = None  # whose it is: its operator is the first name of the row
    names: tuple[str, ...] = ()  # the (other) names of the row


class Measures(Protocol):
    """What `Game.measures` gives for a game, which plays no part in it; it may give None for some options."""

    tables: Mapping[str, Layout]

    def of(self, game: Game, returns: Sequence[float]) -> Iterable[Measure]:
        """Of the match that this game has just played; nothing for one that is left out, such as one that was cut."""


def check_measure(found: Measure, tables: Mapping[str, Layout], seats: int) -> Measure:
    """Returns `found` with a plain number. GameError, in words, if it fits in none of the tables."""
    layout = tables.get(found.table)
    if layout is None:
        raise GameError(f"a measure is for the table {found.table!r}; expected one of {', '.join(tables)}")
    kind = layout.columns.get(found.column)
    if kind is None:
        raise GameError(
            f"a measure of {found.table!r} is for the column {found.column!r}; expected one of "
            f"{', '.join(layout.columns)}"
        )
    if found.seat is not None and not 0 <= found.seat < seats:
        raise GameError(f"a measure of {found.table!r} is of seat {found.seat}; expected 0 to {seats - 1}")
    names = (found.seat is not None) + len(found.names)
    if names != len(layout.names):
        raise GameError(
            f"a measure of {found.table!r} has {names} names ({found.names}, seat {found.seat}); expected one each "
            f"for {', '.join(layout.names)}"
        )
    value = float(found.value)
    if not math.isfinite(value) or (kind == "share" and value not in (0.0, 1.0)):
        expected = "0 or 1, for it is of a share" if kind == "share" else "a finite number"
        raise GameError(f"a measure of {found.table!r}, {found.column!r}, is {value}; expected {expected}")
    return found._replace(value=value)
