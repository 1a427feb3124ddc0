"""Mazes by their difficulty: how long the way is, how often it turns, how many side ways leave it."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from dataclasses import dataclass

import numpy as np

Cell = tuple[int, int]  # (row, column)
STEPS: tuple[Cell, ...] = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left
NAMES = ("up", "right", "down", "left")
TRIES = 200  # ways that are drawn before one is searched for; the ladder needs 48 at most in 2,000 seeds
NODES = 8_000  # cells that a search enters before it is said that there is no way


@dataclass(frozen=True, slots=True)
class Level:
    """A difficulty."""

    size: int  # rows, and columns
    length: int  # steps from start to goal
    turns: int  # of the way
    branches: int  # openings from the way to cells beside it

    def __str__(self) -> str:
        return f"size {self.size}, length {self.length}, turns {self.turns}, branches {self.branches}"

    def check(self) -> None:
        """ValueError for what no maze can be."""
        if self.size < 2 or self.length < 1 or self.turns < 0 or self.branches < 0:
            raise ValueError(f"{self}: expected size >= 2, length >= 1, turns and branches >= 0")
        if self.turns > self.length - 1:
            raise ValueError(f"{self}: a way of {self.length} steps turns at most {self.length - 1} times")
        if self.length > (self.turns + 1) * (self.size - 1):
            most = (self.turns + 1) * (self.size - 1)
            raise ValueError(f"{self}: such a way is at most {most} steps long. Take more turns or a larger size")
        if self.length + 1 + self.branches > self.size**2:
            raise ValueError(f"{self}: {self.size**2} cells are too few for the way and its branches")


LADDER = (
    Level(5, 4, 1, 1),
    Level(6, 7, 3, 2),
    Level(8, 12, 5, 3),
    Level(10, 18, 8, 5),
    Level(12, 26, 12, 8),
)


@dataclass(frozen=True, slots=True)
class Maze:
    """Cells that are joined. There is one way between any two of them, and `way` is that from start to goal."""

    size: int
    way: tuple[Cell, ...]
    doors: frozenset[tuple[Cell, Cell]]  # joined neighbours, each pair in both orders

    def open(self, cell: Cell) -> list[int]:
        """The directions, by number, in which one can leave a cell."""
        return [at for at, (down, right) in enumerate(STEPS) if (cell, (cell[0] + down, cell[1] + right)) in self.doors]

    def distances(self) -> dict[Cell, int]:
        """Steps to the goal from every cell that is joined to it."""
        out, todo = {self.way[-1]: 0}, deque([self.way[-1]])
        while todo:
            cell = todo.popleft()
            for at in self.open(cell):
                after = step(cell, at)
                if after not in out:
                    out[after] = out[cell] + 1
                    todo.append(after)
        return out


def step(cell: Cell, direction: int) -> Cell:
    """The neighbour in a direction."""
    return cell[0] + STEPS[direction][0], cell[1] + STEPS[direction][1]


def turns(way: tuple[Cell, ...]) -> int:
    """How often a way changes its direction."""
    moves = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(way)]
    return sum(one != other for one, other in itertools.pairwise(moves))


def branches(maze: Maze) -> int:
    """Openings from the way to cells that are not on it."""
    on = set(maze.way)
    return sum(step(cell, at) not in on for cell in maze.way for at in maze.open(cell))


def maze(level: Level, chance: np.random.Generator) -> Maze:
    """A maze of exactly this difficulty. ValueError where `require` says that there is none."""
    made = _made(level, chance)
    if made is not None:
        return made
    # Chance may miss a rare way. The one that is known for the level is then turned about.
    way = _turned(require(level), level.size, chance)
    doors = _doors(level, way, chance)
    assert doors is not None  # whether branches find room depends on the way alone
    return Maze(level.size, way, doors)


def require(level: Level) -> tuple[Cell, ...]:
    """A way of exactly this difficulty, always the same. ValueError in words where none is found."""
    level.check()
    way = _known(level)
    if way is None:
        raise ValueError(
            f"{level}: no maze was found. Take a larger size, a shorter length, other turns or fewer branches"
        )
    return way


@functools.lru_cache(maxsize=256)
def _known(level: Level) -> tuple[Cell, ...] | None:
    made = _made(level, np.random.Generator(np.random.PCG64(0)))
    return None if made is None else made.way


def _made(level: Level, chance: np.random.Generator) -> Maze | None:
    """A maze of a way that is drawn, else of one that is searched for; None where neither finds one."""
    level.check()
    # Drawing comes first: the ladder's mazes, on which published figures stand, are made by it.
    for _ in range(TRIES):
        way = _way(level, chance)
        if way is not None and (doors := _doors(level, way, chance)) is not None:
            return Maze(level.size, way, doors)
    way = _searched(level, chance)
    if way is None or (doors := _doors(level, way, chance)) is None:
        return None
    return Maze(level.size, way, doors)


def _way(level: Level, chance: np.random.Generator) -> tuple[Cell, ...] | None:
    """A way that meets itself nowhere, of straight pieces of random lengths; None where this one does not fit."""
    cuts = sorted(1 + int(at) for at in chance.choice(max(1, level.length - 1), level.turns, replace=False))
    pieces = [after - before for before, after in itertools.pairwise([0, *cuts, level.length])]
    heading = int(chance.integers(4))
    cells: list[Cell] = [(0, 0)]
    for number, piece in enumerate(pieces):
        if number:
            heading = (heading + (1 if chance.random() < 0.5 else 3)) % 4
        for _ in range(piece):
            cells.append(step(cells[-1], heading))
    rows, columns = ([cell[axis] for cell in cells] for axis in (0, 1))
    high, wide = max(rows) - min(rows), max(columns) - min(columns)
    if len(set(cells)) < len(cells) or max(high, wide) >= level.size:
        return None
    down = int(chance.integers(level.size - high)) - min(rows)
    right = int(chance.integers(level.size - wide)) - min(columns)
    return tuple((row + down, column + right) for row, column in cells)


def _searched(level: Level, chance: np.random.Generator) -> tuple[Cell, ...] | None:
    """A way with room for its branches, by depth-first searches from random cells; None where `NODES` found none."""
    left, most = NODES, 2 * level.length + 100
    # Ways that turn evenly and anywhere come first. Dense ones need later turns, and to keep to walls.
    late, hug = 1.0, 0.0
    while left > 0:
        search = _Search(level, chance, late, hug)
        way = search.run(min(left, most))
        if way is not None:
            return way
        left -= search.nodes + 10  # a search that ends at once costs too
        late, hug = float(chance.random()), float(chance.random())
    return None


class _Search:
    """A depth-first search for a way. Sets of cells are the bits of integers, with a border that no way enters."""

    def __init__(self, level: Level, chance: np.random.Generator, late: float, hug: float) -> None:
        """`late`: below 1 the way turns later; `hug`: how likely a step goes where the fewest cells are free."""
        self.level, self.chance, self.late, self.hug = level, chance, late, hug
        self.nodes = 0
        size = level.size
        self.wide = size + 1
        self.moves = tuple(down * self.wide + right for down, right in STEPS)
        self.room = sum(((1 << size) - 1) << (row + 1) * self.wide for row in range(size))
        even = [(row, column) for row in range(size) for column in range(size) if (row + column) % 2 == 0]
        self.even = sum(1 << self._number(cell) for cell in even)

    def _number(self, cell: Cell) -> int:
        return (cell[0] + 1) * self.wide + cell[1]

    def run(self, most: int) -> tuple[Cell, ...] | None:
        """A way; None where there is none from a random cell, or after `most` cells."""
        size, length = self.level.size, self.level.length
        start = self._number((int(self.chance.integers(size)), int(self.chance.integers(size))))
        free = self.room & ~(1 << start)
        first = [(int(at), self.level.turns) for at in self.chance.permutation(4)]
        way, todo, beside = [start], [first], [0]
        while todo:
            if not todo[-1]:
                todo.pop()
                beside.pop()
                free |= 1 << way.pop()
                continue
            heading, turns = todo[-1].pop()
            before, cell = way[-1], way[-1] + self.moves[heading]
            if not free >> cell & 1:
                continue
            self.nodes += 1
            if self.nodes > most:
                return None
            after = free & ~(1 << cell)
            sides, steps = beside[-1] | self._around(1 << before), length - len(way)
            if not self._hopeful(cell, heading, turns, steps, after, sides):
                continue
            way.append(cell)
            if not steps:
                return tuple((number // self.wide - 1, number % self.wide) for number in way)
            free = after
            beside.append(sides)
            todo.append(self._ways_on(cell, heading, turns, steps, free))
        return None

    def _around(self, cells: int) -> int:
        return (cells << 1 | cells >> 1 | cells << self.wide | cells >> self.wide) & self.room

    def _hopeful(self, cell: int, heading: int, turns: int, steps: int, free: int, sides: int) -> bool:
        """Whether the rest of the way may fit: its turns, its branches and its cells."""
        if turns > steps:
            return False
        ahead = steps - turns * (self.level.size - 1)  # steps that must go straight on
        if ahead > 0 and any(not free >> cell + self.moves[heading] * (at + 1) & 1 for at in range(ahead)):
            return False
        if (sides & free).bit_count() + 2 * steps - max(0, turns - 1) < self.level.branches:
            return False
        # Steps alternate between even and odd cells, so there must be enough of both that one can reach.
        same = self.even if self.even >> cell & 1 else self.room & ~self.even
        found, edge = 0, self._around(1 << cell) & free
        while (found & ~same).bit_count() < (steps + 1) // 2 or (found & same).bit_count() < steps // 2:
            if not edge:
                return False
            found |= edge
            edge = self._around(edge) & free & ~found
        return True

    def _ways_on(self, cell: int, heading: int, turns: int, steps: int, free: int) -> list[tuple[int, int]]:
        """Headings and the turns that are left after them, the one to try first at the end."""
        straight = [(heading, turns)]
        if not turns:
            return straight
        turned = [((heading + 1) % 4, turns - 1), ((heading + 3) % 4, turns - 1)]
        if self.chance.random() < 0.5:
            turned.reverse()
        turn = self.chance.random() * steps < turns * self.late
        ways = straight + turned if turn else turned + straight
        if self.chance.random() < self.hug:
            ways.sort(key=lambda way: -(self._around(1 << cell + self.moves[way[0]]) & free).bit_count())
        return ways


def _turned(way: tuple[Cell, ...], size: int, chance: np.random.Generator) -> tuple[Cell, ...]:
    """The way in one of the eight positions of its square."""
    last, (flip, mirror, swap) = size - 1, (int(one) for one in chance.integers(2, size=3))
    moved = [(last - row if flip else row, last - column if mirror else column) for row, column in way]
    return tuple((column, row) if swap else (row, column) for row, column in moved)


def _doors(level: Level, way: tuple[Cell, ...], chance: np.random.Generator) -> frozenset[tuple[Cell, Cell]] | None:
    """The way's doors, those of its branches, and those of a random tree that grows from them; None: too few places.

    Branches leave the way before its goal, so that each of them is a wrong way.
    """
    on = set(way)
    beside = [
        (cell, after)
        for cell in way[:-1]
        for after in (step(cell, at) for at in range(4))
        if after not in on and _inside(after, level.size)
    ]
    pairs, taken = list(itertools.pairwise(way)), set(on)
    for at in chance.permutation(len(beside)):
        if len(taken) - len(on) == level.branches:
            break
        if beside[at][1] not in taken:
            pairs.append(beside[at])
            taken.add(beside[at][1])
    if len(taken) - len(on) < level.branches:
        return None
    front = sorted(taken - on)
    while front:
        cell = front[int(chance.integers(len(front)))]
        free = [after for at in range(4) if (after := step(cell, at)) not in taken and _inside(after, level.size)]
        if not free:
            front.remove(cell)
            continue
        after = free[int(chance.integers(len(free)))]
        pairs.append((cell, after))
        taken.add(after)
        front.append(after)
    return frozenset([*pairs, *((b, a) for a, b in pairs)])


def _inside(cell: Cell, size: int) -> bool:
    return 0 <= cell[0] < size and 0 <= cell[1] < size


def plan(maze: Maze, at: Cell, here: str = "S", goal: str = "G") -> str:
    """The maze in characters: # is wall, S where one is, G the goal."""
    rows = [["#"] * (2 * maze.size + 1) for _ in range(2 * maze.size + 1)]
    for one, other in maze.doors:
        rows[2 * one[0] + 1][2 * one[1] + 1] = " "
        rows[one[0] + other[0] + 1][one[1] + other[1] + 1] = " "
    for cell, mark in ((maze.way[-1], goal), (at, here)):
        rows[2 * cell[0] + 1][2 * cell[1] + 1] = mark
    return "\n".join("".join(row) for row in rows)
