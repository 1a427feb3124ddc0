"""The result tables of a run, one a game, computed from its log alone, match by match.

Memory does not grow with the matches. Scores of two games are never put into one number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from arena.evaluate.clusters import ClusteredMean
from arena.evaluate.measured import MeasuredTable
from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.schedule import seat_orders
from arena.spilled import Spilled

MOST_REASONS = 100  # most reasons that are counted separately
OTHER = "for other reasons"


class ScoreRow(msgspec.Struct, kw_only=True):
    """One operator. Scores are in the game's unit."""

    operator: str
    views: str = ""  # that it was given, in words
    matches: int = 0
    unresolved: int = 0
    score: float | None = None  # mean return over the matches that were resolved, faults counted
    low: float | None = None  # 95% interval of the score, over blocks, or over people
    high: float | None = None
    people: int = 0  # others who sat with it, or groups of them, that its interval is over; 0: it is over blocks
    worst: float | None = None  # the score if the unresolved matches had ended with the lowest return
    best: float | None = None  # and with the highest; both None if all matches were resolved
    faulty: int = 0  # matches in which it made a fault
    score_fault_free: float | None = None  # mean over the resolved matches in which it made none
    low_fault_free: float | None = None  # 95% interval of that score
    high_fault_free: float | None = None
    turns: int = 0
    late: int = 0  # ticks of realtime matches without an answer
    said: int = 0  # turns in which it said something
    unsaid: int = 0  # turns in which its words were not delivered
    faults: dict[str, int] = {}
    prompt_tokens: int = 0
    completion_tokens: int = 0
    shortened: int = 0  # turns in which the model was not told all of its history: its context was full
    dropped: int = 0  # earlier turns that it was not told in those
    calls: int = 0  # of tools
    failed_calls: int = 0  # of them, those that gave an error


class ScoreTable(msgspec.Struct, kw_only=True):
    game: str  # as the plan names it
    unit: str
    matches: int
    blocks: int
    cut: int = 0  # blocks with a seat order that was not played, or not resolved
    distinct: int  # number of different whole blocks, move by move
    unresolved: int = 0
    reasons: dict[str, int] = {}  # number of unresolved matches by reason
    returns: tuple[float, float] | None = None  # the returns that `worst` and `best` assume for an unresolved match
    returns_of: str | None = None  # "game": its rules allow no other; "run": the lowest and highest return there was
    unlike: str | None = None  # a sentence if operators that are compared were shown different views
    rows: list[ScoreRow]
    measures: list[MeasuredTable] = []  # of games that have some, see arena/measures.py: not from the log alone

    @property
    def whole(self) -> int:
        """The number of blocks with every seat order played and resolved."""
        return self.blocks - self.cut


class _Count:
    """The sums of one operator."""

    def __init__(self, name: str) -> None:
        self.row = ScoreRow(operator=name, faults={})
        self.scores = ClusteredMean()
        self.clean = ClusteredMean()  # of matches without a fault
        self.others: set[str] = set()  # people who sat with it in the block that is read
        self.block_matches = 0  # of the block that is read
        self.block_sum = 0.0
        self.block_clean = 0
        self.block_clean_sum = 0.0

    def end_block(self) -> None:
        others = frozenset(self.others)
        self.scores.add(self.block_matches, self.block_sum, others)
        self.clean.add(self.block_clean, self.block_clean_sum, others)
        self.others.clear()
        self.block_matches, self.block_sum = 0, 0.0
        self.block_clean, self.block_clean_sum = 0, 0.0

    def turn(self, line: TurnLine) -> None:
        row = self.row
        if line.late:
            row.late += 1
            return
        row.turns += 1
        row.said += line.say is not None
        row.unsaid += line.unsaid is not None
        if line.fault is not None:
            row.faults[line.fault] = row.faults.get(line.fault, 0) + 1
        if line.usage is not None:
            row.prompt_tokens += line.usage.prompt
            row.completion_tokens += line.usage.completion
            row.shortened += line.usage.dropped > 0
            row.dropped += line.usage.dropped
        row.calls += len(line.calls)
        row.failed_calls += sum(call.error is not None for call in line.calls)

    def match(self, value: float | None, clean: bool) -> None:
        self.row.matches += 1
        self.row.faulty += not clean
        if value is None:
            self.row.unresolved += 1
            return
        self.block_matches += 1
        self.block_sum += value
        if clean:
            self.block_clean += 1
            self.block_clean_sum += value


class _Tally:
    """Reads lines in plan order; the matches of a block follow each other."""

    def __init__(self, operators: Sequence[str], mirror: bool, people: Iterable[str]) -> None:
        self._mirror = mirror
        self._people = frozenset(people)
        self.counts = {name: _Count(name) for name in operators}
        self.matches = self.blocks = self.cut = self.unresolved = 0
        self.reasons: dict[str, int] = {}
        self.seen: tuple[float, float] | None = None  # the lowest and the highest return
        self.courses = Spilled("Q")  # a digest of how each whole block went
        self._head: MatchLine | None = None
        self._faulty: set[str] = set()
        self._resolved = 0  # matches of the block that is read
        self._lineups: set[frozenset[str]] = set()  # that meet in it
        self._course = hashlib.blake2b(digest_size=8)
        self._encoder = msgspec.msgpack.Encoder()

    def read(self, line: Line) -> None:
        if isinstance(line, MatchLine):
            if self._head is not None and self._head.block != line.block:
                self._end_block()
            self._head, self._faulty = line, set()
            self._lineups.add(frozenset(line.seats))
            self._note(line.seats, line.state_hash)
        elif isinstance(line, TurnLine):
            self.counts[line.operator].turn(line)
            if line.fault is not None:
                self._faulty.add(line.operator)
        elif isinstance(line, TickLine):
            self._note(line.rewards, line.state_hash)
        elif self._head is not None:
            self._end(line, self._head)

    def close(self) -> None:
        """No line follows."""
        if self._head is not None:
            self._end_block()

    def _note(self, *what: object) -> None:
        self._course.update(self._encoder.encode(what))

    def _end(self, line: EndLine, head: MatchLine) -> None:
        self.matches += 1
        self._note(line.status, line.returns)
        if line.returns is None:
            self.unresolved += 1
            reason = line.reason if line.reason in self.reasons or len(self.reasons) < MOST_REASONS else OTHER
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        else:
            self._resolved += 1
            low, high = self.seen or (line.returns[0], line.returns[0])
            self.seen = min(low, *line.returns), max(high, *line.returns)
        for seat, name in enumerate(head.seats):
            value = None if line.returns is None else line.returns[seat]
            self.counts[name].match(value, name not in self._faulty)
            if value is not None:
                self.counts[name].others |= self._people.intersection(head.seats) - {name}

    def _end_block(self) -> None:
        assert self._head is not None
        self.blocks += 1
        orders = len(seat_orders(len(self._head.seats))) if self._mirror else 1
        if self._resolved == orders * len(self._lineups):
            self.courses.append(int.from_bytes(self._course.digest(), "little"))
        else:
            self.cut += 1
        self._resolved = 0
        self._lineups = set()
        self._course = hashlib.blake2b(digest_size=8)
        for count in self.counts.values():
            count.end_block()


@dataclass(frozen=True, slots=True)
class GameFacts:
    """Facts about a game that a log does not have."""

    name: str
    unit: str
    operators: Sequence[str]  # names of the pool
    returns: tuple[float, float] | None = None  # the lowest and the highest that it can give, if it is known
    views: Sequence[str] = ()  # of the operators, in words
    unlike: str | None = None  # a sentence if operators that are compared were shown different ones
    people: Sequence[str] = ()  # which operators are people


def tabulate(lines: Iterable[Line], games: Sequence[GameFacts], *, mirror: bool = True) -> list[ScoreTable]:
    """A table a game, with a row an operator in the order of the pool, of the lines of whole matches in plan order.

    mirror: a block has every seat order, else it is one match. There is no interval where no two
    whole blocks went different ways, or where all blocks have the same mean: then nothing says how sure a score is.
    """
    tabulator = Tabulator(games, mirror=mirror)
    for line in lines:
        tabulator.note(line)
    return tabulator.tables()


class Tabulator:
    """As `tabulate`, of lines that are given to it one by one."""

    def __init__(self, games: Sequence[GameFacts], *, mirror: bool = True) -> None:
        self._games = games
        self._tallies = [_Tally(game.operators, mirror, game.people) for game in games]
        self._tally = self._tallies[0]

    def note(self, line: Line) -> None:
        if isinstance(line, MatchLine):
            self._tally = self._tallies[line.game_index]
        self._tally.read(line)

    def tables(self) -> list[ScoreTable]:
        """No line follows."""
        return [_table(game, tally) for game, tally in zip(self._games, self._tallies, strict=True)]


def _table(game: GameFacts, tally: _Tally) -> ScoreTable:
    tally.close()
    distinct = len(np.unique(tally.courses.values()))
    bounds = (game.returns or tally.seen) if tally.unresolved else None
    for count in tally.counts.values():
        _score(count, distinct, bounds)
    for count, views in zip(tally.counts.values(), game.views, strict=False):
        count.row.views = views
    return ScoreTable(
        game=game.name,
        unit=game.unit,
        matches=tally.matches,
        blocks=tally.blocks,
        cut=tally.cut,
        distinct=distinct,
        unresolved=tally.unresolved,
        reasons=tally.reasons,
        returns=bounds,
        returns_of=None if bounds is None else "game" if game.returns else "run",
        unlike=game.unlike,
        rows=[count.row for count in tally.counts.values()],
    )


def _score(count: _Count, distinct: int, bounds: tuple[float, float] | None) -> None:
    row, scores = count.row, count.scores
    row.score = scores.all.mean
    row.people = scores.people
    if distinct > 1 and scores.interval is not None:
        row.low, row.high = scores.interval
    row.score_fault_free = count.clean.all.mean
    if distinct > 1 and count.clean.interval is not None:
        row.low_fault_free, row.high_fault_free = count.clean.interval
    if bounds is not None and row.unresolved:
        low, high = bounds
        matches = scores.all.matches + row.unresolved
        row.worst = (scores.all.sum + row.unresolved * low) / matches
        row.best = (scores.all.sum + row.unresolved * high) / matches
