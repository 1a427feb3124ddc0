"""The settings of evaluations between updates, of any training of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from arena.train import ranges
from arena.train.ranges import COUNT, LEAST_0

Hidden = Literal["blank", "shuffled"]


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Matches of the weights so far, on levels that are not trained on."""

    every: int = 0  # updates between two; 0: none
    levels: tuple[str, ...] = ()  # games by name; (): those that are trained on
    opponents: tuple[str, ...] = ()  # met in turn; (): the operator as it was before training has all other seats
    matches: int = 40  # in all: of each level against all opponents, in turn, in every order of seats
    seed: int = 1
    pictures: tuple[Hidden, ...] = ()  # the same once more with "blank" or "shuffled" ones: what the policy uses

    def check(self) -> None:
        """InputError for what makes no sense."""
        ranges.check("evaluation", self, {"every": LEAST_0, "matches": COUNT, "seed": LEAST_0})
