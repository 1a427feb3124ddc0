"""The schedules that a PlanSpec names: which operators of the pool meet at which game, and in which order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arena import files, names
from arena.canonical import LARGEST
from arena.errors import InputError, nearest
from arena.game import Game
from arena.plan import Block, BlockIterator, Entry, Limits, Plan, PlannedGame, Schedule, Setting
from arena.schedule import seat_orders


class RoundRobin(Schedule):
    """Every combination of the pool for the seats of each game, one block each; then again, with other deals."""

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "round_robin") -> None:
        super().__init__(setting, given, name)
        self._lineups = [math.comb(setting.operators, seats) for seats in setting.seats]
        self._sizes = [len(seat_orders(seats)) if setting.mirror else 1 for seats in setting.seats]
        whole = sum(count * size for count, size in zip(self._lineups, self._sizes, strict=True))
        self.matches = 1 if self._lineups == [1] else min(whole, LARGEST)
        self._whole = whole  # matches of a round

    def blocks(self, first: int = 0) -> BlockIterator:
        for number in itertools.count(first):
            yield self._block(number)

    def _block(self, number: int) -> Block:
        turn, rest = divmod(number, sum(self._lineups))
        game = 0
        while rest >= self._lineups[game]:
            rest -= self._lineups[game]
            game += 1
        seats = self.setting.seats[game]
        lineup = combination(self.setting.operators, seats, rest)
        shift = 0 if self.setting.mirror else turn % seats  # people meet every seat in turn
        return Block(game, lineup[shift:] + lineup[:shift])

    def find(self, match: int) -> tuple[int, int]:
        turn, rest = divmod(match, self._whole)
        block, at = turn * sum(self._lineups), turn * self._whole
        for count, size in zip(self._lineups, self._sizes, strict=True):
            blocks = min(rest // size, count)
            block, at, rest = block + blocks, at + blocks * size, rest - blocks * size
            if blocks < count:
                break
        return block, at


class Blocks(RoundRobin):
    """The whole pool plays every game: blocks follow each other, game by game."""

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "blocks") -> None:
        for seats in setting.seats:
            if seats != setting.operators:
                raise InputError(
                    f"schedule blocks: {setting.operators} operators, and a game has {seats} seats. With blocks "
                    "everybody sits at every game. Choose round_robin, or as many operators as there are seats"
                )
        super().__init__(setting, given, name)


def combination(of: int, size: int, rank: int) -> tuple[int, ...]:
    """The combination number `rank`, in lexicographic order, of `size` of the numbers below `of`."""
    out: list[int] = []
    for number in range(of):
        left = size - len(out)
        if not left:
            break
        with_it = math.comb(of - number - 1, left - 1)
        if rank < with_it:
            out.append(number)
        else:
            rank -= with_it
    return tuple(out)


SCHEDULES: Mapping[str, type[Schedule]] = {"blocks": Blocks, "round_robin": RoundRobin}


def find(name: str | None, setting: Setting) -> Schedule:
    """Returns the schedule that a PlanSpec names. Raises InputError if there is none, or it does not fit."""
    if name is None:
        name = "blocks" if set(setting.seats) == {setting.operators} else "round_robin"
    parsed = names.parse(name)
    if parsed.is_file:
        cls = files.load(Path(parsed.kind), parsed.what, Schedule)
    elif parsed.base in SCHEDULES:
        cls = SCHEDULES[parsed.base]
    else:
        raise InputError(f"there is no schedule {parsed.base!r}. {nearest(parsed.base, SCHEDULES)}")
    try:
        made: Schedule = cls(setting, parsed.options, name)
    except ValueError as error:
        raise InputError(f"schedule {name!r}: {error}") from error
    return made


def one_table(
    game: Game,
    name: str,
    operators: Sequence[Entry],
    *,
    seed: int = 0,
    matches: int = 1,
    limits: Limits | None = None,
    runtime: str | None = None,
    mirror: bool = True,
) -> Plan:
    """A plan of entries that were made by hand: one game, at which all of them sit."""
    planned_game = PlannedGame(name, game, tuple(operators), runtime)
    schedule = Blocks(Setting(len(operators), (game.seats,), mirror))
    return Plan((planned_game,), schedule, seed, matches, limits or Limits())
