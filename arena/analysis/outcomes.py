"""How every match of a run ended, as columns: what statistics are computed from.

One pass over the log. Of each match there are some tens of bytes, whatever its length; those of a long run stand in
temporary files while it is read (arena/spilled.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.record.head import GameHead
from arena.record.reader import Run
from arena.spilled import Spilled

STATUSES: Final = ("terminated", "truncated", "forfeited", "unresolved")
EMPTY: Final = -1  # in `lineup`: the game has no such seat

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Columns with a row a whole match, in plan order; those by seat are (matches, most seats of a game)."""

    games: tuple[GameHead, ...]
    operators: tuple[str, ...]  # names of the pool
    mirror: bool  # a block has a match for every seat order; else it is one match
    people: frozenset[int] = frozenset()  # which operators are people, by index
    _: KW_ONLY

    match: npt.NDArray[np.int64]  # number in the plan
    block: npt.NDArray[np.int64]  # matches of one block have one deal; they follow each other
    game: npt.NDArray[np.int16]  # index into `games`
    status: npt.NDArray[np.int8]  # index into STATUSES
    ticks: npt.NDArray[np.int32]
    course: npt.NDArray[np.uint64]  # digest of how the match went: states, rewards, end. Equal for equal courses
    lineup: npt.NDArray[np.int16]  # index into `operators` of who sat there; EMPTY where there is no such seat
    returns: npt.NDArray[np.float64]  # in the game's unit; nan where the match is unresolved, or there is no such seat
    faults: npt.NDArray[np.int32]  # answers of the seat that were faults, each attempt
    turns: npt.NDArray[np.int32]  # answers of the seat, each attempt

    def __len__(self) -> int:
        return len(self.match)

    @property
    def resolved(self) -> npt.NDArray[np.bool_]:
        """Whether each match has returns."""
        return np.not_equal(self.status, STATUSES.index("unresolved"))

    def where(self, rows: npt.NDArray[Any]) -> Outcomes:
        """The matches that `rows`, a mask or indices, names."""
        if rows.dtype == np.bool_ and rows.all():
            return self
        return replace(self, **{name: getattr(self, name)[rows] for name in COLUMNS})

    def of_game(self, index: int) -> Outcomes:
        """The matches of one game, with as many seats as it has."""
        mine = self.where(self.game == index)
        return replace(mine, **{name: getattr(mine, name)[:, : self.games[index].seats] for name in BY_SEAT})


BY_SEAT: Final = ("lineup", "returns", "faults", "turns")
CODES: Final = dict(
    match="q", block="q", game="h", status="b", ticks="i", course="Q", lineup="h", returns="d", faults="i", turns="i"
)
COLUMNS: Final = tuple(CODES)


def read_outcomes(run: Run) -> Outcomes:
    """The outcomes of all whole matches of `run`, from its log alone. RecordError if the log is damaged."""
    reader = OutcomeReader(run)
    for lines in run.played():
        reader.note(lines)
    return reader.outcomes()


class OutcomeReader:
    """Notes the outcomes of the matches that it is given."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._index = {name: slot for slot, name in enumerate(run.operators)}
        self._seats = max(game.seats for game in run.head.games)
        self._columns = {name: Spilled(code) for name, code in CODES.items()}

    def note(self, lines: Sequence[Line]) -> None:
        """The lines of a whole match. RecordError, in words, where it is none of the plan."""
        head, end = lines[0], lines[-1]
        self._run.result(lines)
        assert isinstance(head, MatchLine)
        assert isinstance(end, EndLine)
        seats = len(head.seats)
        faults, turns = [0] * seats, [0] * seats
        encode, course = msgspec.msgpack.Encoder().encode, hashlib.blake2b(digest_size=8)
        course.update(encode((head.seats, head.state_hash)))
        for line in lines:
            if isinstance(line, TickLine):
                course.update(encode((line.rewards, line.state_hash)))
            elif isinstance(line, TurnLine) and not line.late:
                turns[line.seat] += 1
                faults[line.seat] += line.fault is not None
        course.update(encode((end.status, end.returns)))
        rest = self._seats - seats
        columns = self._columns
        columns["match"].append(head.match)
        columns["block"].append(head.block)
        columns["game"].append(head.game_index)
        columns["status"].append(STATUSES.index(end.status))
        columns["ticks"].append(end.ticks)
        columns["course"].append(int.from_bytes(course.digest(), "little"))
        columns["lineup"].extend([*(self._index[name] for name in head.seats), *[EMPTY] * rest])
        columns["returns"].extend([*(end.returns or [np.nan] * seats), *[np.nan] * rest])
        columns["faults"].extend([*faults, *[0] * rest])
        columns["turns"].extend([*turns, *[0] * rest])

    def outcomes(self) -> Outcomes:
        """The outcomes of the matches that were read."""
        head = self._run.head
        found: dict[str, Numbers] = {}
        for name, column in self._columns.items():
            values = column.values()
            found[name] = values.reshape(-1, self._seats) if name in BY_SEAT else values
        people = frozenset(slot for slot, operator in enumerate(head.games[0].operators) if operator.person is not None)
        return Outcomes(head.games, tuple(self._run.operators), bool(head.plan.mirror), people, **found)
