"""`sidescroller`: every lane plays the same level of ours; which one follows from the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from arena.canonical import key
from arena.options import Option
from arena_games.lanes.game import LaneGame, lane_spec
from arena_games.sidescroller.lane import SideLane
from arena_games.sidescroller.level import HARDEST, SETS, Chance, Level, level, own_difficulty

LEVELS = {
    "set": Option("str", "train", "the set of levels that the seed draws from", choices=tuple(SETS)),
    "difficulty": Option("int", 0, "1 (easy) to 5; 0: all of them, by the level's number", 0, HARDEST),
    "level": Option("int", None, "this level by its number, whatever the seed", 0, 1_000_000),
}
ONE_LEVEL = "level is the number of one, and none is drawn from a set"


def drawn(options: Mapping[str, Any], seed: bytes) -> Level:
    """The level for these options and this seed."""
    number = options["level"]
    if number is None:
        numbers = SETS[options["set"]]
        number = numbers[Chance(key("sidescroller-match", seed)).upto(0, len(numbers) - 1)]
    return level(number, options["difficulty"] or own_difficulty(number))


class Sidescroller(LaneGame):
    spec = lane_spec(
        id="sidescroller",
        version=1,
        summary="A platform level of our own, made by the seed: run, jump, reach the flag; every seat in its own lane",
        options=LEVELS,
    )
    teacher = "arena_games.sidescroller.teacher:lessons"
    level: Level

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        if self.options["level"] is None:
            return
        self.rule_out("set", options, ONE_LEVEL)
        if not self.options["noops"]:
            self.spec = msgspec.structs.replace(self.spec, seeded=False)

    def make_lane(self) -> SideLane:
        return SideLane()

    def prepare(self, seed: bytes) -> None:
        self.level = drawn(self.options, seed)
        for seat in range(self.seats):
            self.lane(seat).level = self.level

    def lane(self, seat: int) -> SideLane:
        """The lane of a seat, for teachers that look ahead in a copy of its world."""
        lane = self._seats[seat].lane
        assert isinstance(lane, SideLane)
        return lane

    def levels(self) -> Sequence[str]:
        if self.options["level"] is not None or self.options["difficulty"]:
            return ()
        return [f"sidescroller@difficulty={number}" for number in range(1, HARDEST + 1)]

    def start_events(self) -> Sequence[str]:
        it = self.level
        return [f"level {it.number}, difficulty {it.difficulty}, {it.theme}, {it.columns} tiles long"]
