"""Mazes by their difficulty: how long the way is, how often it turns, how many side ways leave it."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass

Cell = tuple[int, int]  # (row, column)
STEPS: tuple[Cell, ...] = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left
NAMES = ("up", "right", "down", "left")


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
            raise ValueError(
                f"{self}: a way of {self.length} steps turns at most {self.length - 1} times. "
                "Take fewer turns or a longer way"
            )
        if self.length > (self.turns + 1) * (self.size - 1):
            most = (self.turns + 1) * (self.size - 1)
            raise ValueError(f"{self}: such a way is at most {most} steps long. Take more turns or a larger size")
        if self.length + 1 + self.branches > self.size**2:
            raise ValueError(
                f"{self}: {self.size**2} cells are too few for the way and its branches. "
                "Take a larger size, a shorter way or fewer branches"
            )


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


def inside(cell: Cell, size: int) -> bool:
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
