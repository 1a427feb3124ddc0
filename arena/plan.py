"""A Plan: everything that decides a run's outcome, and nothing else. play, evaluate and train build Plans."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from arena.canonical import digest, key
from arena.game import Game, Views
from arena.operator import Determinism, OperatorKind, determinism_of, max_in_flight, worker_threads

Pace = Literal["lockstep", "realtime"]
HERE = "here"  # the runtime of a game that is hosted by a worker of the arena's own interpreter
NOT_HOSTED = "none"  # what is written for a game that is played in the arena's own process, whoever made it


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator in the line-up; its position there is its slot."""

    name: str  # unique in the line-up, e.g. "vlm#1"
    kind: OperatorKind
    what: str
    options: Mapping[str, Any]  # resolved
    given: str  # as the user wrote it
    views: Views
    at: str | None = None  # address of the remote worker that hosts it; None: a worker of this machine

    @property
    def determinism(self) -> Determinism:
        """What this operator says of its answers."""
        return determinism_of(self.kind, self.what, self.options)

    @property
    def threads(self) -> int | None:
        """How many threads its worker computes with; None where that is not said here."""
        return None if self.at is not None else worker_threads(self.kind, self.options)

    @property
    def max_in_flight(self) -> int:
        """How many requests its worker takes at once; 0: any number, unless the worker says one."""
        return max_in_flight(self.kind, self.what, self.options)

    @property
    def worker_key(self) -> str:
        """Equal keys share a worker: it hosts the seats of both."""
        kind, by = self.kind, self.kind.worker_identity
        # The target too: two files may each define an operator of one name, such as two versions of it.
        who = (kind.name, kind.target, self.at)
        if by is not None:
            return digest(*who, [self.options.get(name) for name in by])
        return digest(*who, self.what, dict(self.options))


class MatchPlan(msgspec.Struct, frozen=True):
    """One match of the plan."""

    index: int
    block: int
    lineup: tuple[int, ...]  # the operator at each seat, by its place in the pool
    seed: bytes  # the game's chance: the same for all matches of a block
    game: int = 0  # by its place in the plan


@dataclass(frozen=True, slots=True)
class Limits:
    """What may end a turn or a match besides the game."""

    max_ticks: int | None = None
    max_reasks: int = 0  # times that an illegal or unparsable answer is asked again, with the reason
    human_timeout: float | None = None  # seconds on a person's clock; None: waited for
    deadline: float = 120.0  # seconds in which an operator that is no person answers, else the match is void
    retries: int = 2  # times that a voided match is played again
    making: float = 60.0  # seconds, if `deadline` is less, in which a game of others is made: its library is imported
    max_failures: int = 3  # times in a row that a worker may fail by itself and answer nothing; then the run ends
    pace: Pace = "lockstep"  # everybody waits for everybody; "realtime": a tick ends with the game's own clock
    blind: bool = False  # operators and people are told no names of others; spectators, log and tables have them


@dataclass(frozen=True, slots=True)
class Plan:
    """Games, line-up, seeds, limits."""

    game: type[Game]
    game_name: str  # as plugins.game_class knows it, without options
    game_options: Mapping[str, Any]
    lineup: tuple[Entry, ...]
    seed: int
    matches: int
    limits: Limits = field(default_factory=Limits)
    runtime: str | None = None  # the environment a worker hosts the game in (HERE: the arena's); None: no worker
    mirror: bool = True  # every deal is played in every seat order; else no deal is played twice

    @property
    def people(self) -> bool:
        """Somebody sits there who remembers a deal."""
        return any(entry.kind.interactive for entry in self.lineup)

    @property
    def runtimes(self) -> list[str]:
        """The managed runtimes that its workers on this machine need."""
        asked = {self.runtime, *(entry.kind.runtime for entry in self.lineup if entry.at is None)}
        return sorted(name for name in asked if name not in (None, HERE))

    def make_game(self) -> Game:
        return self.game(len(self.lineup), self.game_options)

    def schedule(self, done: Container[int] = ()) -> Iterator[MatchPlan]:
        """The matches in plan order, without those whose numbers are in `done`.

        Each is made when it is asked for: a plan may have any number of them.
        """
        game = self.make_game()
        return (
            match_plan(game, self.seed, index, mirror=self.mirror) for index in range(self.matches) if index not in done
        )

    def seated(self, match: MatchPlan) -> tuple[Entry, ...]:
        """The operators of a match, in seat order."""
        return tuple(self.lineup[slot] for slot in match.lineup)

    def operator_seed(self, match: MatchPlan, seat: int) -> bytes:
        """The chance of the operator in `seat`."""
        return key("operator", self.seed, match.block, match.index, seat, match.lineup[seat])


def match_plan(game: Game, seed: int, index: int, *, mirror: bool = True) -> MatchPlan:
    """The match number `index` of a plan: blocks of one deal x every seat permutation follow each other.

    Without `mirror` each match is a block of its own, so no deal comes twice, and the seats rotate by match.
    """
    orders = seat_orders(game.seats)
    block, turn = divmod(index, len(orders)) if mirror else (index, index % game.seats)
    table = digest(game.spec.id, game.spec.version, game.recorded_options)
    return MatchPlan(index, block, orders[turn], key("chance", seed, table, block))


@functools.cache
def seat_orders(seats: int) -> list[tuple[int, ...]]:
    """Every seat permutation, rotations of the line-up first (so that a cut block is as balanced as it can be)."""
    line = tuple(range(seats))
    rotations = [line[i:] + line[:i] for i in range(seats)]
    if seats > 4:
        return rotations  # 5 seats have 120 permutations: blocks nobody would finish
    return rotations + [order for order in itertools.permutations(line) if order not in rotations]
