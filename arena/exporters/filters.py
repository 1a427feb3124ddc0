"""Which episodes of a run are exported. An episode is one seat of one match."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from arena.errors import InputError, RecordError, nearest
from arena.log import EndLine, Line, MatchLine
from arena.record.given import titles
from arena.record.reader import Run


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold."""

    operators: tuple[str, ...] = ()  # by name; none: all
    games: tuple[str, ...] = ()
    matches: tuple[int, int] | None = None  # the first and the last
    won: bool = False  # a return higher than that of every other seat of the match
    best: float | None = None  # this share of the episodes with the highest returns, of each game; ties in plan order


@dataclass(slots=True)
class Chosen:
    """The seats of the matches of one game that are exported, by match, and what was left out of it."""

    seats: dict[int, tuple[int, ...]] = field(default_factory=dict)
    unresolved: int = 0  # matches without a result

    @property
    def count(self) -> int:
        return sum(map(len, self.seats.values()))


def choose(run: Run, keep: Filter) -> dict[int, Chosen]:
    """The episodes to export, by game of the plan. It reads the log alone.

    InputError for a name that the run has not, for what cannot be won, and when nothing is left.
    """
    games = _games(run, keep.games)
    for name in keep.operators:
        if name not in run.operators:
            raise InputError(f"{run.folder} has no operator {name!r}. {nearest(name, run.operators)}")
    if keep.won and (alone := [run.head.games[game].name for game in games if run.head.games[game].seats == 1]):
        raise InputError(f"--won: {alone[0]} has one seat, so nobody is beaten there; --best takes the highest returns")
    out = {game: Chosen() for game in games}
    returns: dict[int, list[float]] = {game: [] for game in games}
    for head, end in _matches(run, keep):
        if head.game_index not in out:
            continue
        chosen = out[head.game_index]
        if end.returns is None:
            chosen.unresolved += 1
            continue
        seats = tuple(seat for seat in range(len(head.seats)) if _fits(head, end.returns, seat, keep))
        if seats:
            chosen.seats[head.match] = seats
            returns[head.game_index] += [end.returns[seat] for seat in seats]
    if keep.best is not None:
        for game, chosen in out.items():
            chosen.seats = _best(chosen.seats, returns[game], keep.best)
    if not any(chosen.seats for chosen in out.values()):
        raise InputError(f"{run.folder}: no episode passes these filters")
    return {game: chosen for game, chosen in out.items() if chosen.seats}


def _games(run: Run, names: Sequence[str]) -> list[int]:
    """The places in the plan of the games with these names; of all without one."""
    games = run.head.games
    known = [game.name for game in games]
    called = [titles(games), run.head.plan.games]  # as the report has them, and as they were given
    every = {*known, *called[0], *called[1]}
    for name in names:
        if name not in every:
            raise InputError(f"{run.folder} has no game {name!r}. {nearest(name, every)}")
    either = enumerate(zip(known, *called, strict=True))
    return [place for place, words in either if not names or not set(names).isdisjoint(words)]


def _matches(run: Run, keep: Filter) -> Iterator[tuple[MatchLine, EndLine]]:
    for lines in run.played():
        head, end = ends(run, lines)
        if keep.matches is None or keep.matches[0] <= head.match <= keep.matches[1]:
            yield head, end


def ends(run: Run, lines: Sequence[Line]) -> tuple[MatchLine, EndLine]:
    """The first and the last line of a whole match. Raises RecordError when it is not one."""
    head, end = lines[0], lines[-1]
    if not isinstance(head, MatchLine) or not isinstance(end, EndLine):
        raise RecordError(f"{run.folder}: a match has no beginning or no end")
    return head, end


def _fits(head: MatchLine, returns: Sequence[float], seat: int, keep: Filter) -> bool:
    if keep.operators and head.seats[seat] not in keep.operators:
        return False
    return not keep.won or all(returns[seat] > other for at, other in enumerate(returns) if at != seat)


def _best(seats: dict[int, tuple[int, ...]], returns: Sequence[float], share: float) -> dict[int, tuple[int, ...]]:
    places = [(match, seat) for match, chosen in seats.items() for seat in chosen]
    most = math.ceil(share * len(places))
    order = sorted(range(len(places)), key=lambda at: (-returns[at], at))
    kept = {places[at] for at in order[:most]}
    left = {match: tuple(seat for seat in chosen if (match, seat) in kept) for match, chosen in seats.items()}
    return {match: chosen for match, chosen in left.items() if chosen}
