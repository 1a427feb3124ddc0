"""Reads a plan's schedule match by match, and passes it the results in plan order."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from arena.canonical import LARGEST, key
from arena.errors import InputError, RecordError
from arena.game import Game
from arena.plan import HEAR, Block, Deals, MatchPlan, MatchResult, Plan, Schedule, deal_of, game_digest


@functools.cache
def seat_orders(seats: int) -> list[tuple[int, ...]]:
    """Every seat permutation, rotations of the line-up first (so that a cut block is as balanced as it can be)."""
    line = tuple(range(seats))
    rotations = [line[i:] + line[:i] for i in range(seats)]
    if seats > 4:
        return rotations  # 5 seats have 120 permutations: such blocks would be too long
    return rotations + [order for order in itertools.permutations(line) if order not in rotations]


class Matches(Protocol):
    """The source of the matches that a Scheduler plays."""

    def peek(self) -> MatchPlan | None:
        """The next match; None: there is none now."""

    def take(self) -> None:
        """Remove the match that `peek` returned."""

    def hear(self, result: MatchResult) -> None:
        """A match is over."""

    @property
    def over(self) -> bool:
        """Whether no match follows."""


class PlannedMatches:
    """The matches of a plan in plan order. Each is made on demand, so a plan can have any number of them."""

    def __init__(
        self,
        schedule: Schedule,
        games: Sequence[Game],
        seed: int,
        matches: int | None,
        *,
        part: range | None = None,
        done: Iterable[MatchResult] = (),
        skipped: tuple[Deals, ...] = (),
    ) -> None:
        """`part`: only these numbers. `skipped`: deals that are left out, by game.

        `done`: results of what was played before, ascending by number: it is left out, and its results are heard.
        RecordError, once it is read, where the schedule gives another match.
        """
        self._schedule = schedule
        self._digests = [game_digest(game) for game in games]
        self._seed = seed
        self._skipped = skipped
        self._first = part.start if part is not None else 0
        self._stop = min(LARGEST if matches is None else matches, LARGEST if part is None else part.stop)
        self._block, self._index = schedule.find(self._first)  # the next ones
        self._blocks = schedule.blocks(self._block)
        self._rest: deque[MatchPlan] = deque()  # of the block that was given last
        self._unheard: deque[list[int]] = deque()  # the matches of each block that the schedule has not heard of
        self._results: dict[int, MatchResult] = {}  # of these
        self._waits = False  # the schedule waits for the results of the oldest of these
        self._next: MatchPlan | None = None
        self._ended = False
        self._done = iter(done)
        self._played = next(self._done, None)

    def peek(self) -> MatchPlan | None:
        """The next match; None: there is none, or the schedule must hear results first (then it is not `over`)."""
        while self._next is None and (plan := self._read()) is not None:
            if plan.index < self._first:
                continue
            if self._played is not None and self._played.plan.index == plan.index:
                self._leave_out(plan, self._played)
            else:
                self._next = plan
        return self._next

    def take(self) -> None:
        """Remove the match that `peek` returned."""
        self._next = None

    def hear(self, result: MatchResult) -> None:
        """A match is over. Results may come in any order; the schedule hears them in plan order."""
        if self._schedule.hears:
            self._results[result.plan.index] = result

    @property
    def over(self) -> bool:
        """Whether no match follows."""
        return self.peek() is None and self._ended

    def _leave_out(self, plan: MatchPlan, played: MatchResult) -> None:
        if played.plan != plan:
            raise RecordError(
                f"the log has match {plan.index} as {words(played.plan)}, and the schedule gives {words(plan)}: the "
                "log was changed, or the schedule depends on more than its options and results"
            )
        self.hear(played)
        self._played = next(self._done, None)

    def _read(self) -> MatchPlan | None:
        if not self._ended and self._index >= self._stop:
            self._ended = True
        if not self._ended and not self._rest:
            self._read_block()
        if self._ended and self._played is not None:
            raise RecordError(f"the log has match {self._played.plan.index}, which the schedule does not give")
        if self._ended or not self._rest:
            return None
        self._index += 1
        return self._rest.popleft()

    def _read_block(self) -> None:
        """Read on to the next block, the end, or where results must be heard first."""
        while not self._ended and not self._rest:
            heard = self._heard() if self._waits else None
            if self._waits and heard is None:
                return
            try:
                given = next(self._blocks) if heard is None else self._blocks.send(heard)
            except StopIteration:
                self._ended = True
                return
            self._waits = given is HEAR
            if given is not HEAR:
                self._add(given)
            elif not self._schedule.hears:
                raise InputError(f"schedule {self._schedule.name} yields HEAR: its class must say `hears = True`")
            elif not self._unheard:
                raise InputError(f"schedule {self._schedule.name} yields HEAR, and has heard of all that it gave")

    def _heard(self) -> list[MatchResult] | None:
        """The results of the oldest block, once all are in."""
        if not all(match in self._results for match in self._unheard[0]):
            return None
        return [self._results.pop(match) for match in self._unheard.popleft()]

    def _add(self, block: Block) -> None:
        self._check(block)
        seats = len(block.lineup)
        seed = key("chance", self._seed, self._digests[block.game], deal_of(self._block, self._skipped, block.game))
        orders = seat_orders(seats) if self._schedule.setting.mirror else [tuple(range(seats))]
        lineups = [tuple(line[slot] for slot in order) for line in (block.lineup, *block.others) for order in orders]
        for index, lineup in enumerate(lineups, self._index):
            self._rest.append(MatchPlan(index, self._block, lineup, seed, block.game))
        if self._schedule.hears:
            self._unheard.append([plan.index for plan in self._rest])
        self._block += 1

    def _check(self, block: Block) -> None:
        setting = self._schedule.setting
        known = 0 <= block.game < len(setting.seats)
        seats, there = setting.seats[block.game] if known else 0, {*range(setting.operators)}
        lines = (block.lineup, *block.others)
        if not known or not all(len(line) == seats == len({*line}) and {*line} <= there for line in lines):
            raise InputError(
                f"schedule {self._schedule.name} gives {block}: expected one of {len(setting.seats)} games, as many "
                f"different ones of {setting.operators} operators as it has seats, {setting.seats}"
            )


def words(plan: MatchPlan) -> str:
    """The plan of a match in words."""
    seats = ", ".join(map(str, plan.lineup))
    return f"block {plan.block} of game {plan.game}, operators {seats}, seed {plan.seed.hex()}"


def planned(plan: Plan, *, part: range | None = None, done: Iterable[MatchResult] = ()) -> PlannedMatches:
    """The matches of `plan`, as PlannedMatches reads them."""
    games = [game.facts for game in plan.games]
    how: dict[str, Any] = dict(part=part, done=done, skipped=plan.skipped)
    return PlannedMatches(plan.schedule, games, plan.seed, plan.matches, **how)
