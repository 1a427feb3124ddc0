"""Lessons in mazes: the next step of the way, sometimes from beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from arena.train.lesson import Lesson
from arena_games.maze.baseline import way
from arena_games.maze.grid import NAMES
from arena_games.maze.rules import MazeGame
from arena_games.puzzles.lessons import taught

ASTRAY = 0.1  # probability of a step by chance


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Walks through one maze of any difficulty and yields its lessons."""
    game = MazeGame(1, {"difficulty": int(chance.integers(1, 6))})
    return taught(game, chance, solved, thought, ASTRAY)


def solved(facts: Mapping[str, str]) -> str:
    """The next step of the way."""
    return NAMES[way(facts)[0]]


def thought(facts: Mapping[str, str], answer: str) -> str:
    """What the picture shows, then the plan."""
    where = f"I am in row {facts['row']}, column {facts['column']}"
    goal = f"The goal is in row {facts['goal_row']}, column {facts['goal_column']}"
    return f"{where}. {goal}. Open: {facts['open']}. I go {answer}."
