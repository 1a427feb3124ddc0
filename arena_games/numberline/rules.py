"""NumberLine (Zhai et al. 2024, RL4VLM, 2405.10292): bring a number to its target, one up or down at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from arena.game import Discrete, Image, Vector
from arena.options import Option
from arena_games.puzzles.game import Puzzle, PuzzleGame, puzzle_spec

DOWN, UP = 0, 1


class Line(Puzzle):
    """A number, and where it should be."""

    def __init__(self, start: int, target: int, most: int) -> None:
        self.number, self.target, self.most = start, target, most
        self.over = False

    def act(self, action: int) -> tuple[float, str]:
        before = abs(self.number - self.target)
        self.number = min(self.most, max(0, self.number + (1 if action == UP else -1)))
        after = abs(self.number - self.target)
        self.over = after == 0
        reward = 1.0 if self.over else 0.0 if after < before else -1.0
        return reward, f"goes to {self.number}" + (", the target" if self.over else "")

    def legal(self) -> tuple[int, ...]:
        return (DOWN, UP)

    def worst(self) -> int:
        return UP if self.target < self.number else DOWN

    def facts(self) -> dict[str, str]:
        return {"current": str(self.number), "target": str(self.target), "most": str(self.most)}

    def vector(self) -> Vector:
        """The number and the target, one-hot each."""
        out = np.zeros((2, self.most + 1), np.float32)
        out[0, self.number] = out[1, self.target] = 1
        return out.ravel()

    def state(self) -> Any:
        return [self.number, self.target]


class NumberLine(PuzzleGame):
    spec = puzzle_spec(
        id="numberline",
        version=1,
        summary="bring a number to its target, one up or down at a time",
        actions=Discrete(("-", "+")),
        horizon=10,
        unit="points (1: reached without a detour)",
        vector_shape=(12,),
        returns=(-10.0, 1.0),
        options={"most": Option("int", 5, "the largest number; a match has twice as many steps", 2, 100)},
        baseline="arena_games.numberline.baseline:choose",
    )
    teacher = "arena_games.numberline.teacher:lessons"
    truth = "arena_games.numberline.teacher:thought"
    solver = "arena_games.numberline.teacher:solved"
    package = "arena_games.numberline"
    answer_format = "one sign: + or -"

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        most = self.options["most"]
        self.spec = msgspec.structs.replace(
            self.spec, horizon=2 * most, vector_shape=(2 * (most + 1),), returns=(-2.0 * most, 1.0)
        )

    def deal(self, chance: np.random.Generator) -> Line:
        most = self.options["most"]
        start, target = (int(chance.integers(most + 1)) for _ in range(2))
        # As published (gym_cards, `% max_position`): a target that would be the start moves, but never to `most`.
        return Line(start, (target + 1) % most if start == target else target, most)

    def words(self) -> Mapping[str, str]:
        return {"most": str(self.options["most"]), "steps": str(self.spec.horizon)}

    def told(self, facts: Mapping[str, str]) -> str:
        return f"Target: {facts['target']}. Current: {facts['current']}. Numbers go from 0 to {facts['most']}."

    def picture(self, puzzle: Puzzle, height: int, width: int) -> Image:
        from arena_games.puzzles.draw import array, ground, line  # only drawing needs an imaging library

        assert isinstance(puzzle, Line)
        out, unit = ground(height, width), min(height, width) / 128
        line(out, f"Target: {puzzle.target}", width / 2, 0.3 * height, 18 * unit)
        line(out, f"Current: {puzzle.number}", width / 2, 0.68 * height, 18 * unit, "#ffd34d")
        return array(out)
