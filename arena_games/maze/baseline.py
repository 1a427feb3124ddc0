"""The baseline `scripted`: reads the map and walks the shortest way."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import numpy as np

from arena.game import GameCard, Observation
from arena_games.maze.grid import NAMES, STEPS


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int | str:
    """The first step of the way to the goal, or the whole way where that is asked for."""
    if observation.facts is None:
        raise ValueError("maze's baseline reads the facts of the text view, but none came")
    if observation.free_text:
        return whole(observation.facts)
    return way(observation.facts)[0]


def whole(facts: Mapping[str, str]) -> str:
    """The whole way in words, as `@answer=way` asks for it."""
    return " ".join(NAMES[direction] for direction in way(facts))


def way(facts: Mapping[str, str]) -> list[int]:
    """The directions from S to G on the map of the facts."""
    rows = facts["map"].split("\n")
    (start,) = [(r, row.index("S")) for r, row in enumerate(rows) if "S" in row]
    came: dict[tuple[int, int], list[int]] = {start: []}
    todo = deque([start])
    while todo:
        at = todo.popleft()
        if rows[at[0]][at[1]] == "G":
            return came[at]
        for direction, (down, right) in enumerate(STEPS):
            wall, after = (at[0] + down, at[1] + right), (at[0] + 2 * down, at[1] + 2 * right)
            if rows[wall[0]][wall[1]] != "#" and after not in came:
                came[after] = [*came[at], direction]
                todo.append(after)
    raise ValueError(f"no way leads from S to G:\n{facts['map']}; directions are {', '.join(NAMES)}")
