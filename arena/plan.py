"""Everything that determines a run's outcome. A PlanSpec is plain data; a Plan is the resolved form.

`arena.lineup.resolve` makes a Plan from a PlanSpec. play, evaluate and train build Plans.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, NamedTuple

import msgspec

from arena.canonical import digest, key
from arena.game import Game, Views
from arena.operator import Determinism, OperatorKind, determinism_of, max_in_flight, worker_threads
from arena.options import Option

Pace = Literal["lockstep", "realtime"]
HERE = "here"  # runtime of a game that is hosted by a worker in the arena's own interpreter
Deals = tuple[tuple[int, int], ...]  # ascending ranges (first, stop) of numbers of deals
NOT_HOSTED = "none"  # runtime option of a game that is played in the arena's own process


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a run: what can end a turn or a match besides the game, and what players are told."""

    max_ticks: int | None = None
    max_reasks: int = 0  # times that a request is repeated, with the reason, after an illegal or unparsable answer
    human_timeout: float | None = None  # seconds on a person's clock; None: no limit
    deadline: float = 120.0  # seconds in which an operator must answer (not a person), else the match is void
    retries: int = 2  # times that a voided match is played again
    making: float = 60.0  # seconds for making a third-party game, if `deadline` is less: its library is imported
    max_failures: int = 3  # failures in a row of a worker that answers nothing, after which the run ends
    pace: Pace = "lockstep"  # all seats wait for all; "realtime": a tick ends with the game's own clock
    blind: bool = False  # players are not told the names of others; spectators, log and tables have them


class PlanSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as plain data: it pickles, is JSON, and is the head of run.json. Names are those of the command line."""

    games: tuple[str, ...]  # `leduc@hands=2`; beside its own options: `seats`, `runtime`
    operators: tuple[str, ...]  # the pool; it can be larger than the number of seats
    schedule: str | None = None  # see arena.evaluate.schedules; None: blocks if all can sit, else round_robin
    seed: int = 0
    matches: int | None = None  # at most; None: what the schedule gives, of one that never ends one whole round
    mirror: bool | None = None  # every deal in every seat order; None: unless a person sits there, who remembers a deal
    twins: tuple[int, int] | None = None  # two of the pool that are the same: how different does an equal one look?
    skipped: tuple[Deals, ...] = ()  # of each game, deals that people have met in other runs; (): none of any game
    limits: Limits = Limits()


@dataclass(frozen=True)
class Entry:
    """One operator of the pool, with its options and views for one game."""

    name: str  # unique in the pool, e.g. "vlm#1"
    kind: OperatorKind
    what: str
    options: Mapping[str, Any]  # resolved
    given: str  # as the user wrote it, secrets masked
    views: Views
    at: str | None = None  # address of the remote worker that hosts it; None: a worker of this machine
    aside: Views | None = None  # what is noted beside its turns for who learns from them; it is shown only `views`
    apart: int = 0  # equal entries of different numbers have workers of their own: their weights may come to differ

    @property
    def determinism(self) -> Determinism:
        """The declared determinism of this operator."""
        return determinism_of(self.kind, self.what, self.options)

    @property
    def person(self) -> str | None:
        """The id of the person that it is; None if it is none, or one without an id."""
        return self.options.get("person") if self.kind.interactive else None

    @property
    def threads(self) -> int | None:
        """The number of threads of its worker; None if unknown here."""
        return None if self.at is not None else worker_threads(self.kind, self.options)

    @property
    def max_in_flight(self) -> int:
        """How many requests its worker takes at once; 0: any number, unless the worker says one."""
        return max_in_flight(self.kind, self.what, self.options)

    @functools.cached_property
    def worker_key(self) -> str:
        """Entries with equal keys share a worker, which hosts the seats of both."""
        kind, by = self.kind, self.kind.worker_identity
        # The target too: two files may each define an operator of the same name.
        who = (kind.name, kind.target, self.at, self.apart)
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


class MatchResult(msgspec.Struct, frozen=True):
    """The result of a match, for a schedule that hears results."""

    plan: MatchPlan
    status: str  # "terminated", "truncated", "forfeited", "unresolved"
    returns: tuple[float, ...] | None  # by seat, in the game's unit; None: unresolved

    def of(self, operator: int) -> float:
        """The return of an operator of the pool; 0 if the match is unresolved."""
        return 0.0 if self.returns is None else self.returns[self.plan.lineup.index(operator)]


class Block(NamedTuple):
    """One line-up at one game, or several, as a schedule yields it.

    With mirrored deals it is one match for every seat order, all of one deal; else one match in this seat order.
    """

    game: int
    lineup: tuple[int, ...]  # distinct operators by their place in the pool
    others: tuple[tuple[int, ...], ...] = ()  # more line-ups that meet the same deal


HEAR: Final = None  # given instead of a Block: the schedule goes on with the results of the oldest block not heard of
BlockIterator = Generator[Block | None, list[MatchResult], None]


class Setting(NamedTuple):
    """The facts that a schedule is made for."""

    operators: int  # in the pool
    seats: tuple[int, ...]  # of each game
    mirror: bool  # a block is a match for every seat order; else it is one match
    returns: tuple[tuple[float, float] | None, ...] = ()  # of each game: the lowest and the highest, if it states them
    people: frozenset[int] = frozenset()  # which operators are people, by their places in the pool


class Schedule(abc.ABC):
    """The order of line-ups and games.

    `blocks` depends on nothing but the setting, the options and the results that it hears. So the same results lead to
    the same matches, at any concurrency and after a kill.
    """

    options: ClassVar[Mapping[str, Option]] = {}
    hears: ClassVar[bool] = False  # `blocks` yields HEAR; such a plan cannot be played in parts
    matches: int | None = None  # how many are played where the plan does not say; None: until `blocks` ends
    round: int | None = None  # matches of one block of every line-up; None: it has no such rounds

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "") -> None:
        """`name`: how a PlanSpec names it. Raises ValueError for options that it does not take, or InputError."""
        self.setting = setting
        self.name = name
        unknown = sorted(set(given or {}) - set(self.options))
        if unknown:
            raise ValueError(f"it has no option {unknown[0]!r}; it has: {', '.join(self.options) or 'none'}")
        chosen = given or {}
        self.values = {word: one.check(word, chosen.get(word, one.default)) for word, one in self.options.items()}

    @abc.abstractmethod
    def blocks(self, first: int = 0) -> BlockIterator:
        """The blocks in plan order, from the one with the number `first`, which is 0 unless `find` says another.

        `results = yield HEAR` gives the results of the oldest block that was given and not heard of, in plan order.
        """

    def find(self, match: int) -> tuple[int, int]:
        """(block, match): a block from which one may begin to read to come to `match`, and the match it begins with."""
        return 0, 0


def game_digest(game: Game) -> str:
    """The digest of a game and those of its options that count for chance, which follows from it."""
    known = game.spec.options
    aside = {name for name, one in known.items() if one.chance is False}
    options = {name: value for name, value in game.recorded_options.items() if name not in aside}
    return digest(game.spec.id, game.spec.version, options)


@dataclass(frozen=True, slots=True)
class PlannedGame:
    """One game of a plan, with the pool's entries for it."""

    name: str  # as plugins know it, without options
    facts: Game  # an instance with these seats and options, for its facts; it is never played
    operators: tuple[Entry, ...]
    runtime: str | None = None  # the environment a worker hosts it in (HERE: the arena's); None: no worker
    given: str = ""  # as a PlanSpec names it

    @property
    def digest(self) -> str:
        """Of what is played: chance follows from it."""
        return game_digest(self.facts)

    def make(self) -> Game:
        """Makes a game to play."""
        return type(self.facts)(self.facts.seats, self.facts.options)


@dataclass(frozen=True, slots=True)
class Plan:
    """Games, pool, schedule, limits."""

    games: tuple[PlannedGame, ...]
    schedule: Schedule
    seed: int = 0
    matches: int | None = None  # at most; None: until the schedule ends
    limits: Limits = field(default_factory=Limits)
    twins: tuple[int, int] | None = None
    skipped: tuple[Deals, ...] = ()

    @property
    def pool(self) -> tuple[Entry, ...]:
        """The operators, with their entries for the first game. Name, kind and `what` are the same at every game."""
        return self.games[0].operators

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of every operator at every game."""
        return tuple(entry for game in self.games for entry in game.operators)

    @property
    def mirror(self) -> bool:
        """Every deal is played in every seat order; else no deal is played twice."""
        return self.schedule.setting.mirror

    @property
    def people(self) -> bool:
        """Whether a person, who remembers deals, is in the pool."""
        return any(entry.kind.interactive for entry in self.pool)

    @property
    def runtimes(self) -> list[str]:
        """The managed runtimes that its workers on this machine need."""
        here = [entry for entry in self.entries if entry.at is None]
        asked = {game.runtime for game in self.games} | {entry.kind.runtime for entry in here}
        asked |= {name for entry in here for name in entry.kind.runtimes(entry.what, entry.options)}
        return sorted(name for name in asked if name not in (None, HERE))

    @property
    def spec(self) -> PlanSpec:
        """The plan as plain data, with all defaults filled in and secrets masked."""
        return PlanSpec(
            games=tuple(game.given or game.name for game in self.games),
            operators=tuple(entry.given for entry in self.pool),
            schedule=self.schedule.name,
            seed=self.seed,
            matches=self.matches,
            mirror=self.mirror,
            twins=self.twins,
            skipped=self.skipped,
            limits=self.limits,
        )

    def seated(self, match: MatchPlan) -> tuple[Entry, ...]:
        """The operators of a match, in seat order."""
        operators = self.games[match.game].operators
        return tuple(operators[slot] for slot in match.lineup)

    def deal(self, block: int, game: int) -> int:
        """The number of the deal of a block."""
        return deal_of(block, self.skipped, game)

    def operator_seed(self, match: MatchPlan, seat: int) -> bytes:
        """The chance of the operator in `seat`."""
        return operator_seed(self.seed, match, seat)


def deal_of(block: int, skipped: tuple[Deals, ...], game: int) -> int:
    """The number of the deal of a block: its own number, or with skipped ones as many further."""
    deal = block
    for first, stop in skipped[game] if skipped else ():
        if deal < first:
            break
        deal += stop - first
    return deal


def operator_seed(seed: int, match: MatchPlan, seat: int) -> bytes:
    """The chance of the operator in `seat` in a run of this seed."""
    return key("operator", seed, match.block, match.index, seat, match.lineup[seat])
