"""The hooks of a game's conformance tests, which a plugin's test overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from arena import plugins
from arena.game import Game, GameSpec
from arena.testing.playing import Moment, played


class Hooks:
    """What is tested, and how much of it. Set `cls` or `name`, or override `game`; the rest is optional."""

    cls: ClassVar[type[Game] | None] = None  # the game
    name: ClassVar[str] = ""  # or its name without options, as on the command line: kuhn, openspiel:hearts, ./rps.py
    options: ClassVar[tuple[Mapping[str, Any], ...]] = ({},)  # option sets to test with
    matches: ClassVar[int] = 3  # random matches a test
    ticks: ClassVar[int] = 60  # most ticks of each, except in tests of the end
    most_seats: ClassVar[int | None] = None  # most seats that are tested; None: as many as the game takes
    zero_sum: ClassVar[bool] = False  # whether the returns add up to zero
    lessons: ClassVar[int] = 20  # lessons of the teacher that are looked at

    def game(self, seats: int, options: Mapping[str, Any]) -> Game:
        """Makes a new game. Raises ValueError if it does not take this number of seats."""
        cls = self.cls or (plugins.game_class(self.name) if self.name else None)
        if cls is None:
            raise NotImplementedError("set `cls` or `name`, or override game(seats, options) to return a new game")
        return cls(seats, options)

    # What is tested.

    def spec(self) -> GameSpec:
        for seats in range(1, 65):
            try:
                return self.game(seats, {}).spec
            except ValueError:
                continue
        raise AssertionError("no number of seats from 1 to 64 is taken")

    def games(self) -> Iterator[Game]:
        """A new game for the fewest and the most seats, with each set of options."""
        low, high = self.spec().seats
        for seats in sorted({low, max(low, min(high, self.most_seats or high))}):
            for options in self.options:
                yield self.game(seats, options)

    def moments(self) -> Iterator[Moment]:
        for game in self.games():
            for number in range(self.matches):
                yield from played(game, number, self.ticks)
