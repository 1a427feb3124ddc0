"""Makes mazes of exact difficulty: draws a way, or searches for one, and opens its branches."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from arena_games.maze.grid import Cell, Level, Maze, inside, step
from arena_games.maze.search import searched

TRIES = 200  # ways that are drawn before one is searched for; the ladder needs 48 at most in 2,000 seeds


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
    way = searched(level, chance)
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
        if after not in on and inside(after, level.size)
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
        free = [after for at in range(4) if (after := step(cell, at)) not in taken and inside(after, level.size)]
        if not free:
            front.remove(cell)
            continue
        after = free[int(chance.integers(len(free)))]
        pairs.append((cell, after))
        taken.add(after)
        front.append(after)
    return frozenset([*pairs, *((b, a) for a, b in pairs)])
