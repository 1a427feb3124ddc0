"""The schedules that a PlanSpec names: which operators of the pool meet at which game, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from arena import files, names
from arena.errors import InputError, nearest
from arena.evaluate.listed import Listed
from arena.evaluate.rounds import Blocks, Field, Gauntlet, Lanes, RoundRobin
from arena.evaluate.until import Until
from arena.game import Game
from arena.plan import Entry, Limits, Plan, PlannedGame, Schedule, Setting

SCHEDULES: Mapping[str, type[Schedule]] = {
    "blocks": Blocks,
    "round_robin": RoundRobin,
    "field": Field,
    "gauntlet": Gauntlet,
    "lanes": Lanes,
    "until": Until,
    "listed": Listed,
}


def find(name: str | None, setting: Setting) -> Schedule:
    """Returns the schedule that a PlanSpec names. Raises InputError if there is none, or it does not fit."""
    if name is None:
        alone = set(setting.seats) == {1} and setting.operators > 1
        name = "blocks" if set(setting.seats) == {setting.operators} else "lanes" if alone else "round_robin"
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
