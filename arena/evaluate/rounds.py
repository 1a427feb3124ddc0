"""Who meets whom, round by round: line-ups that come again with other deals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

from arena.canonical import LARGEST
from arena.errors import InputError
from arena.options import Option
from arena.plan import Block, BlockIterator, Schedule, Setting
from arena.schedule import seat_orders


class Rounds(Schedule):
    """Some line-ups for each game, one block each; then again, with other deals."""

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "") -> None:
        super().__init__(setting, given, name)
        self._counts = [self.lineups(game) for game in range(len(setting.seats))]
        self._sizes = [len(seat_orders(seats)) if setting.mirror else 1 for seats in setting.seats]
        whole = sum(count * size for count, size in zip(self._counts, self._sizes, strict=True))
        self.round = min(whole, LARGEST)
        self.matches = 1 if self._counts == [1] else self.round
        self._whole = whole

    def lineups(self, game: int) -> int:
        """The number of line-ups of a game."""
        return math.comb(self.setting.operators, self.setting.seats[game])

    def lineup(self, game: int, rank: int) -> tuple[int, ...]:
        """One of them."""
        return combination(self.setting.operators, self.setting.seats[game], rank)

    def blocks(self, first: int = 0) -> BlockIterator:
        for number in itertools.count(first):
            yield self._block(number)

    def _block(self, number: int) -> Block:
        turn, rest = divmod(number, sum(self._counts))
        game = 0
        while rest >= self._counts[game]:
            rest -= self._counts[game]
            game += 1
        lineup = self.lineup(game, rest)
        shift = 0 if self.setting.mirror else turn % len(lineup)  # people meet every seat in turn
        return Block(game, lineup[shift:] + lineup[:shift])

    def find(self, match: int) -> tuple[int, int]:
        turn, rest = divmod(match, self._whole)
        block, at = turn * sum(self._counts), turn * self._whole
        for count, size in zip(self._counts, self._sizes, strict=True):
            blocks = min(rest // size, count)
            block, at, rest = block + blocks, at + blocks * size, rest - blocks * size
            if blocks < count:
                break
        return block, at


class RoundRobin(Rounds):
    """Every combination of the pool for the seats of each game, one block each; then again, with other deals."""


WHO = Option("int", 1, "number in the pool of the one that meets the others", 1)


class Field(Rounds):
    """One of the pool against the others: every line-up that it is in, one block each; then again."""

    options: ClassVar[Mapping[str, Option]] = {"who": WHO}

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "field") -> None:
        self._who = _who(WHO.check("who", (given or {}).get("who", WHO.default)), setting)
        super().__init__(setting, given, name)

    def lineups(self, game: int) -> int:
        return math.comb(self.setting.operators - 1, self.setting.seats[game] - 1)

    def lineup(self, game: int, rank: int) -> tuple[int, ...]:
        others = combination(self.setting.operators - 1, self.setting.seats[game] - 1, rank)
        return self._who, *(other + (other >= self._who) for other in others)


class Gauntlet(Field):
    """One of the pool against the others in turn: as many blocks with one line-up, then with the next; then it ends."""

    options: ClassVar[Mapping[str, Option]] = {
        "who": WHO,
        "blocks": Option("int", 1, "blocks with each line-up", 1),
    }

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "gauntlet") -> None:
        super().__init__(setting, given, name)
        self.matches = min(self.values["blocks"] * self._whole, LARGEST)

    def blocks(self, first: int = 0) -> BlockIterator:
        for game, count in enumerate(self._counts):
            for rank in range(count):
                for _ in range(self.values["blocks"]):
                    yield Block(game, self.lineup(game, rank))

    def find(self, match: int) -> tuple[int, int]:
        return 0, 0


def _who(number: int, setting: Setting) -> int:
    if number > setting.operators:
        raise ValueError(f"who={number}: the pool has {setting.operators} operators")
    if 1 in setting.seats:
        raise ValueError("a game with one seat has nobody to meet there: choose round_robin")
    return number - 1


class Blocks(Rounds):
    """The whole pool plays every game: blocks follow each other, game by game."""

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "blocks") -> None:
        for seats in setting.seats:
            if seats != setting.operators:
                raise InputError(
                    f"schedule blocks: {setting.operators} operators, and a game has {seats} seats. With blocks "
                    "everybody sits at every game. Choose round_robin, or as many operators as there are seats"
                )
        super().__init__(setting, given, name)


class Lanes(Schedule):
    """Games with one seat: each operator plays alone, and all play from the same starts. A block is one start."""

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "lanes") -> None:
        super().__init__(setting, given, name)
        if set(setting.seats) != {1}:
            raise ValueError(f"every game must have one seat, and these have {', '.join(map(str, setting.seats))}")
        self._games = len(setting.seats)
        self.matches = self.round = self._games * setting.operators

    def blocks(self, first: int = 0) -> BlockIterator:
        others = tuple((operator,) for operator in range(1, self.setting.operators))
        for number in itertools.count(first):
            yield Block(number % self._games, (0,), others)

    def find(self, match: int) -> tuple[int, int]:
        block = match // self.setting.operators
        return block, block * self.setting.operators


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
