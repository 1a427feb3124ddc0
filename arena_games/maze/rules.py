"""Maze: from the start to the goal, step by step, or by one answer with the whole way (after Ariadne, 2511.00710)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np

from arena.game import Discrete, Image, Move, Observation, Vector, Views
from arena.options import Option
from arena_games.maze import grid, making
from arena_games.maze.grid import NAMES, Level
from arena_games.puzzles.game import Puzzle, PuzzleGame, Reward, puzzle_spec

PATIENCE = 4  # decisions for each step of the way
TEXT = 2000  # characters of an answer with the whole way
PARTED = re.compile(r"(?:->|[-\s,;`])+")  # what stands between directions
GIVE_UP = "give up"
STEPWISE = (
    "In every step you go up, right, down or left to the next cell; a step against a wall leaves you where you are. "
    "You have {steps} steps. The score is the part of the way that you came nearer to the goal: 1 at the goal."
)
WHOLE = (
    "You answer once, with the whole way: directions one after another, as up, right, down, left, or U, R, D, L. "
    "It counts 1 if it ends at the goal and never goes against a wall, else 0."
)


def directions(said: str) -> list[int]:
    """The directions of an answer, in words or single letters; -1, which is none, for anything else.

    PARTED parts them, and a full stop may end them. What is neither may have been meant as a number of steps, or as a
    direction, so it is not passed over.
    """
    known = {**{name: at for at, name in enumerate(NAMES)}, **{name[0]: at for at, name in enumerate(NAMES)}}
    out: list[int] = []
    for part in filter(None, PARTED.split(said.lower().strip().removesuffix("."))):
        out.extend(known.get(word, -1) for word in ([part] if part in known else part))
    return out


class Walk(Puzzle):
    """Where one is in a maze."""

    def __init__(self, maze: grid.Maze, whole: bool) -> None:
        """`whole`: the way is told at once, by words; the only action gives up."""
        self.whole = whole
        self.maze, self.at = maze, maze.way[0]
        self._far = maze.distances()
        self.length = len(maze.way) - 1

    def act(self, action: int) -> tuple[Reward, str]:
        if action not in self.maze.open(self.at):
            return 0.0, f"walks {NAMES[action]} against a wall"
        before = self._far[self.at]
        self.at = grid.step(self.at, action)
        self.over = self.at == self.maze.way[-1]
        gained = Fraction(int(before - self._far[self.at]), self.length)
        return gained, f"walks {NAMES[action]}" + (" to the goal" if self.over else "")

    def told(self, said: str) -> tuple[float, str]:
        """The whole way as words or letters: 1 for a way that ends at the goal and never meets a wall, else 0."""
        self.over = True
        way = directions(said)
        for direction in way:
            if direction not in self.maze.open(self.at):
                return 0.0, f"tells a way that meets a wall: {said}"
            self.at = grid.step(self.at, direction)
        right = self.at == self.maze.way[-1]
        return float(right), f"tells a way {'to' if right else 'that does not end at'} the goal: {said}"

    def legal(self) -> tuple[int, ...]:
        return (0,) if self.whole else tuple(range(len(NAMES)))

    def worst(self) -> int:
        """Away from the goal where one can go away from it, else against a wall."""
        if self.whole:
            return 0
        ways = self.maze.open(self.at)
        away = [one for one in ways if self._far[grid.step(self.at, one)] > self._far[self.at]]
        shut = [one for one in range(len(NAMES)) if one not in ways]
        return (away or shut or ways)[0]

    def facts(self) -> dict[str, str]:
        goal = self.maze.way[-1]
        return {
            "row": str(self.at[0] + 1),
            "column": str(self.at[1] + 1),
            "goal_row": str(goal[0] + 1),
            "goal_column": str(goal[1] + 1),
            "open": ", ".join(NAMES[one] for one in self.maze.open(self.at)),
            "map": grid.plan(self.maze, self.at),
        }

    def vector(self) -> Vector:
        """(4, size, size), flat: a door to the right, a door down, here, the goal."""
        size = self.maze.size
        out = np.zeros((4, size, size), np.float32)
        for one, other in self.maze.doors:
            if other == grid.step(one, 1):
                out[0][one] = 1
            if other == grid.step(one, 2):
                out[1][one] = 1
        out[2][self.at] = out[3][self.maze.way[-1]] = 1
        return out.ravel()

    def state(self) -> Any:
        return [self.maze.size, sorted(map(list, self.maze.doors)), list(self.maze.way), list(self.at)]


class MazeGame(PuzzleGame):
    spec = puzzle_spec(
        id="maze",
        version=1,
        summary="find the way through a maze of exact difficulty",
        actions=Discrete(NAMES),
        horizon=PATIENCE * grid.LADDER[1].length,
        unit="part of the way (1: the goal)",
        vector_shape=(144,),
        options={
            "difficulty": Option("int", 2, "1 (easy) to 5: size, length, turns and branches together", 1, 5),
            "size": Option("int", None, "rows and columns, instead of the difficulty's", 2, 30),
            "length": Option("int", None, "steps from the start to the goal, exactly", 1, 200),
            "turns": Option("int", None, "turns of the way, exactly", 0, 199),
            "branches": Option("int", None, "side ways that leave the way, exactly", 0, 200),
            "answer": Option("str", "step", "one step at a time, or the whole way at once", choices=("step", "way")),
        },
        baseline="arena_games.maze.baseline:choose",
    )
    teacher = "arena_games.maze.teacher:lessons"
    truth = "arena_games.maze.teacher:thought"
    solver = "arena_games.maze.teacher:solved"
    package = "arena_games.maze"
    answer_format = "one direction: up, right, down or left"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        given = {
            name: value for name in ("size", "length", "turns", "branches") if (value := self.options[name]) is not None
        }
        levels: list[Level] = [replace(one, **given) for one in grid.LADDER]
        if len({*levels}) == 1:
            self.rule_out("difficulty", options, f"{', '.join(given)} say all of it")
        self.level = levels[(self.options["difficulty"] or 1) - 1]
        if self.level not in grid.LADDER:
            making.require(self.level)
        size, steps = self.level.size, PATIENCE * self.level.length
        self.spec = msgspec.structs.replace(self.spec, horizon=steps, vector_shape=(4 * size * size,))
        self.whole = self.options["answer"] == "way"
        if self.whole:
            self.answer_format = "the whole way, as directions: right right down"
            self.spec = msgspec.structs.replace(self.spec, horizon=1, talk=True, actions=Discrete((GIVE_UP,)))

    def deal(self, chance: np.random.Generator) -> Walk:
        return Walk(making.maze(self.level, chance), self.whole)

    def apply(self, puzzle: Puzzle, move: Move) -> tuple[Reward, str]:
        assert isinstance(puzzle, Walk)
        if not self.whole:
            return super().apply(puzzle, move)
        if move.say is None:
            puzzle.over = True
            return 0.0, "gives up"
        return puzzle.told(move.say)

    def observe(self, seat: int, views: Views) -> Observation:
        seen = super().observe(seat, views)
        if not self.whole or not seen.legal:
            return seen
        return msgspec.structs.replace(seen, free_text=TEXT)

    def words(self) -> Mapping[str, str]:
        how = WHOLE if self.whole else STEPWISE.format(steps=self.spec.horizon)
        return {"size": str(self.level.size), "how": how}

    def told(self, facts: Mapping[str, str]) -> str:
        return (
            f"You (S) are in row {facts['row']}, column {facts['column']}; the goal (G) is in row {facts['goal_row']}, "
            f"column {facts['goal_column']}. Open from here: {facts['open']}.\n{facts['map']}"
        )

    def picture(self, puzzle: Puzzle, height: int, width: int) -> Image:
        from arena_games.maze import draw  # only drawing needs an imaging library

        assert isinstance(puzzle, Walk)
        return draw.picture(puzzle.maze, puzzle.at, height, width)
