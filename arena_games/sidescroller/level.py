"""Levels made of random parts: the same number and difficulty always give the same level.

Every level has a way through it that `search` found; a candidate without one is discarded and the next one is made.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from arena.canonical import key
from arena_games.sidescroller.tiles import COLUMN, ROWS, SOLID, TILE, UNIT, Kind, Tile, cell

HARDEST = 5
# Levels by number. The sets are disjoint, so what was trained on one is tested on others.
SETS = {"train": range(10_000), "validation": range(10_000, 11_000), "heldout": range(20_000, 21_000)}
START = 12  # safe columns at the start
HOUSE = 10  # columns from the flag to the end
THEMES = ("meadow", "autumn", "dusk")
FEWEST, MOST = 100, 300  # decisions of 8 frames that the way through may take
CANDIDATES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One level. Places are in pixels from the upper left corner, y downward, unless said otherwise."""

    number: int
    difficulty: int
    theme: str
    columns: int
    tiles: bytes  # see `tiles.cell`
    solid: bytes  # 1 where a tile is solid
    start: tuple[int, int]  # x of the runner's left side, y of its feet
    flag: int  # column
    edge: int  # width in units
    goal: int  # the level is cleared when the runner's right side gets here, in units
    enemies: tuple[tuple[int, int, int], ...]  # (kind, x of the left side, y of the feet), by x
    prizes: dict[int, int]  # coins and boxes: cell -> number

    @property
    def proof(self) -> tuple[int, ...]:
        """Macro actions that lead to the flag. They are searched for when they are first asked for."""
        return _proof(self) or ()


def own_difficulty(number: int) -> int:
    """The difficulty of a level where none is asked for."""
    return 1 + number % HARDEST


class Chance:
    """Numbers from a seed. Python promises that `random()` gives the same numbers in every version; for NumPy's
    generators that is not promised, and a level must never change."""

    def __init__(self, seed: bytes) -> None:
        self._random = random.Random(int.from_bytes(seed, "little")).random

    def upto(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def often(self, share: float) -> bool:
        return self._random() < share

    def weighted(self, weights: dict[str, float]) -> str:
        at = self._random() * sum(weights.values())
        for name, weight in weights.items():
            at -= weight
            if at < 0:
                return name
        return name


class Builder:
    """A level under construction, from left to right."""

    def __init__(self, chance: Chance, difficulty: int) -> None:
        self.chance = chance
        self.hard = difficulty
        self.grid: list[list[Tile]] = []  # by column, the rows from the top
        self.ground = 2  # height of the ground in tiles
        self.enemies: list[tuple[int, int, int]] = []

    def column(self, ground: int | None = None) -> int:
        """Adds a column with ground of this height (0: a pit); returns its number."""
        height = self.ground if ground is None else ground
        self.grid.append([Tile.AIR] * (ROWS - height) + [Tile.GROUND] * height)
        return len(self.grid) - 1

    def put(self, column: int, height: int, tile: Tile) -> None:
        """Puts a tile at this height above the bottom (0: the lowest row)."""
        self.grid[column][ROWS - 1 - height] = tile

    def enemy(self, column: int, height: int, kind: int | None = None) -> None:
        """Adds an enemy that stands at this height, in tiles."""
        if kind is None:
            weights = {"0": 4.0, "1": 3.0, "2": self.hard - 1.0, "3": max(0.0, self.hard - 2.5)}
            kind = int(self.chance.weighted(weights))
        self.enemies.append((kind, column * TILE + 1, (ROWS - height) * TILE))

    # Parts. Each begins and ends on ground.

    def flat(self, length: int) -> int:
        """Plain ground; its first column."""
        first = len(self.grid)
        for _ in range(length):
            self.column()
        return first

    def walk(self) -> None:
        """Ground with enemies, and perhaps a row of boxes and bricks, or coins."""
        long = self.chance.upto(8, 12)
        first = self.flat(long)
        if self.chance.often(0.55):
            self.boxes(first + 2, self.chance.upto(1, 5))
        else:
            self.coins(first + 2, self.chance.upto(3, 5), self.ground + self.chance.upto(0, 2))
        count = self.chance.upto(1, 1 + (self.hard + 1) // 2)
        at = first + long - 2
        for _ in range(count):
            self.enemy(at, self.ground)
            at -= self.chance.upto(2, 3)

    def boxes(self, first: int, long: int) -> None:
        height = self.ground + 4
        if height < ROWS - 3:
            for at in range(long):
                self.put(first + at, height - 1, Tile.BOX if self.chance.often(0.4) else Tile.BRICK)

    def coins(self, first: int, long: int, height: int) -> None:
        for at in range(long):
            if self.grid[first + at][ROWS - 1 - height] == Tile.AIR:
                self.put(first + at, height, Tile.COIN)

    def gap(self) -> None:
        """A pit, with an arc of coins above it."""
        wide = self.chance.upto(2, 2 + self.hard if self.hard < 4 else 6)
        if self.hard >= 2 and self.chance.often(0.3):
            self.ground = self.other_height(1)
        first = len(self.grid)
        for _ in range(wide):
            self.column(0)
        if self.chance.often(0.6):
            for at in range(wide):
                self.put(first + at, self.ground + 2 + min(at, wide - 1 - at, 1), Tile.COIN)
        self.flat(self.chance.upto(3, 5))

    def rise(self) -> None:
        """The ground goes up or down."""
        self.ground = self.other_height(1 + (self.hard + 1) // 2)
        first = self.flat(self.chance.upto(4, 7))
        if self.chance.often(0.35 + 0.08 * self.hard):
            self.enemy(first + 3, self.ground)

    def other_height(self, most: int) -> int:
        choices = [h for h in range(2, 7) if h != self.ground and abs(h - self.ground) <= most]
        return choices[self.chance.upto(0, len(choices) - 1)]

    def pipe(self) -> None:
        """A pipe to climb, or two with an enemy between them."""
        high = self.chance.upto(2, 2 + (self.hard + 1) // 2 if self.hard < 4 else 4)
        self.tube(high)
        if self.chance.often(0.4):
            first = self.flat(self.chance.upto(6, 8))
            self.enemy(first + 3, self.ground)
            self.tube(min(4, max(2, high + self.chance.upto(-1, 1))))
        self.flat(4)

    def tube(self, high: int) -> None:
        for _ in range(2):
            at = self.column()
            for up in range(high):
                self.put(at, self.ground + up, Tile.PIPE)

    def wall(self) -> None:
        """One or two columns of stone."""
        high = self.chance.upto(1, min(4, 2 + self.hard // 2))
        for _ in range(self.chance.upto(1, 2)):
            at = self.column()
            for up in range(high):
                self.put(at, self.ground + up, Tile.STONE)
        self.flat(self.chance.upto(3, 5))

    def stairs(self) -> None:
        """Steps up, then steps down, or a pit behind the highest step."""
        high = self.chance.upto(2, 4)
        self.steps(range(1, high + 1))
        if self.hard >= 2 and self.chance.often(0.5):
            for _ in range(self.chance.upto(2, 2 + self.hard // 2)):
                self.column(0)
        self.steps(range(high, 0, -1))
        self.flat(3)

    def steps(self, heights: range) -> None:
        for high in heights:
            at = self.column()
            for up in range(high):
                self.put(at, self.ground + up, Tile.STONE)

    def platforms(self) -> None:
        """A wide pit with floating bricks to hop along."""
        height = self.ground + self.chance.upto(0, 1)
        for _ in range(self.chance.upto(1, 1 + (self.hard + 1) // 2)):
            for _ in range(self.chance.upto(2, 2 + self.hard // 2)):
                self.column(0)
            long = self.chance.upto(3, 5) - (self.hard >= 4)
            for number in range(long):
                at = self.column(0)
                self.put(at, height, Tile.BRICK)
                if number == long // 2 and self.chance.often(0.7):
                    self.put(at, height + 2, Tile.COIN)
            if self.hard >= 3 and long >= 4 and self.chance.often(0.3):
                self.enemy(len(self.grid) - 2, height + 1, Kind.SNAIL)
            height = max(self.ground - 1, min(self.ground + 3, height + self.chance.upto(-2, 2)))
        for _ in range(2):
            self.column(0)
        self.flat(4)

    def parts(self) -> dict[str, float]:
        """The weight of each part, by its method's name."""
        hard = self.hard
        return {
            "walk": 3.0,
            "gap": 2.0 + 0.3 * hard,
            "rise": 2.0,
            "pipe": 1.6,
            "wall": 1.4,
            "stairs": 0.8,
            "platforms": 0.35 * (hard - 1) + 0.2,
        }


def build(number: int, difficulty: int, candidate: int) -> Level:
    """Builds one candidate of a level, which may be impossible to finish."""
    chance = Chance(key("sidescroller", number, difficulty, candidate))
    theme = THEMES[chance.upto(0, len(THEMES) - 1)]
    out = Builder(chance, difficulty)
    out.flat(START)
    weights, last = out.parts(), ""
    while len(out.grid) < 135 + 15 * difficulty:
        part = chance.weighted({name: weight for name, weight in weights.items() if name != last})
        getattr(out, part)()
        out.flat(chance.upto(2, max(3, 7 - difficulty)))
        last = part
    out.steps(range(1, 5))
    out.flat(6)
    flag = out.flat(HOUSE)
    for height in range(out.ground, out.ground + 9):
        out.put(flag, height, Tile.POLE)
    return _finished(out, number, difficulty, theme, flag)


def _finished(out: Builder, number: int, difficulty: int, theme: str, flag: int) -> Level:
    tiles = bytearray(COLUMN * len(out.grid))
    prizes: dict[int, int] = {}
    for column, rows in enumerate(out.grid):
        for row, tile in enumerate(rows):
            at = cell(column, row)
            tiles[at] = tile
            if tile in (Tile.COIN, Tile.BOX):
                prizes[at] = len(prizes)
    return Level(
        number=number,
        difficulty=difficulty,
        theme=theme,
        columns=len(out.grid),
        tiles=bytes(tiles),
        solid=bytes(tile >= SOLID for tile in tiles),
        start=(3 * TILE, (ROWS - 2) * TILE),
        flag=flag,
        edge=len(out.grid) * TILE * UNIT,
        goal=(flag * TILE + 6) * UNIT,
        enemies=tuple(sorted(out.enemies, key=lambda enemy: enemy[1])),
        prizes=prizes,
    )


@lru_cache(maxsize=512)
def _proof(made: Level) -> tuple[int, ...] | None:
    from arena_games.sidescroller.search import solve  # search.py imports this module

    return solve(made)


@lru_cache(maxsize=1)
def later_candidates() -> dict[int, int]:
    """Of the numbers of SETS whose first candidate cannot be finished at their own difficulty: which one can.

    scripts/sidescroller_candidates.py found them; to search for the way through a level takes 50 ms.
    """
    text = files("arena_games.sidescroller").joinpath("candidates.json").read_text(encoding="utf-8")
    return {number: int(candidate) for candidate, numbers in json.loads(text).items() for number in numbers}


def can_be_finished(made: Level) -> bool:
    """Whether a way through it was found, neither too short nor too long."""
    proof = _proof(made)
    return proof is not None and FEWEST <= len(proof) <= MOST


@lru_cache(maxsize=512)
def level(number: int, difficulty: int) -> Level:
    """Returns the level of this number and difficulty (1 to 5), which can be finished.

    Raises ValueError if none of its candidates can be finished; no known number does.
    """
    if not 1 <= difficulty <= HARDEST:
        raise ValueError(f"difficulty {difficulty}: expected 1 to {HARDEST}")
    if difficulty == own_difficulty(number) and any(number in numbers for numbers in SETS.values()):
        return build(number, difficulty, later_candidates().get(number, 0))
    for candidate in range(CANDIDATES):
        if can_be_finished(made := build(number, difficulty, candidate)):
            return made
    raise ValueError(f"sidescroller: level {number} of difficulty {difficulty} has no candidate that can be finished")
