"""EZPoints (Zhai et al. 2024, RL4VLM, 2405.10292): a formula over two cards that is worth 12, symbol by symbol."""

from __future__ import annotations

import numpy as np

from arena.game import Discrete
from arena.options import Option
from arena_games.points24.rules import NUMBERS, RANKS, SUITS, FormulaGame, card
from arena_games.puzzles.game import puzzle_spec

FACTORS = (2, 3, 4, 6)


class EzPoints(FormulaGame):
    spec = puzzle_spec(
        id="ezpoints",
        version=1,
        summary="write a formula over two cards that is worth 12, one symbol a step",
        actions=Discrete((*NUMBERS, "+", "*", "=")),
        horizon=5,
        unit="points (10: solved)",
        vector_shape=(100,),
        returns=(-5.0, 10.0),
        options={
            "mask": Option("bool", False, "only numbers of cards that are left are legal; else they cost a point")
        },
        baseline="arena_games.points24.baseline:choose",
    )
    teacher = "arena_games.ezpoints.teacher:lessons"
    truth = "arena_games.ezpoints.teacher:thought"
    solver = "arena_games.ezpoints.teacher:best"
    package = "arena_games.ezpoints"
    target, signs, hand = 12, "+*", 2

    def cards(self, chance: np.random.Generator) -> list[str]:
        """One card from 2 to king, and the one that makes 12 with it: by a product in half of the deals that can."""
        first = card(chance, 2)
        number = min(10, RANKS.index(first[0]) + 1)
        product = number in FACTORS and chance.random() < 0.5
        other = 12 // number if product else 12 - number
        made = [first, RANKS[other - 1] + SUITS[int(chance.integers(4))]]
        return made[::-1] if chance.random() < 0.5 else made
