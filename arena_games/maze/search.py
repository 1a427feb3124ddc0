"""Searches for a way of exact difficulty, depth first: for dense mazes, whose ways are hardly ever drawn."""

from __future__ import annotations

import numpy as np

from arena_games.maze.grid import STEPS, Cell, Level

NODES = 8_000  # cells that a search enters before it is said that there is no way


def searched(level: Level, chance: np.random.Generator) -> tuple[Cell, ...] | None:
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
