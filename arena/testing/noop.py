"""A game and an operator that do nothing, to measure the arena itself. For benchmarks and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from arena.canonical import digest
from arena.game import Discrete, Game, GameCard, GameSpec, Image, Move, Observation, StepResult, Views
from arena.operator import Decision, Operator, OperatorKind, Request, WorkerContext
from arena.options import Option

NOTHING = digest("noop")


class Noop(Game):
    """All seats act at once; nothing changes; over after `ticks` ticks."""

    spec = GameSpec(
        id="noop",
        version=1,
        summary="nothing happens",
        seats=(1, 64),
        actions=Discrete(("nothing",)),
        horizon=1_000_000,
        unit="points",
        simultaneous=True,
        on_fault="default",
        seeded=False,
        options={"ticks": Option("int", 100, "ticks until it is over", 1, 1_000_000)},
    )

    def card(self) -> GameCard:
        return self.make_card("nothing happens", "nothing", {})

    def reset(self, seed: bytes) -> StepResult:
        self._tick = 0
        self._everyone = tuple(range(self.seats))
        self._zeros = (0.0,) * self.seats
        return StepResult(self._everyone, self._zeros, NOTHING)

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        self._tick += 1
        if self._tick >= self.options["ticks"]:
            return StepResult.terminated(self._zeros, self._zeros, NOTHING)
        return StepResult(self._everyone, self._zeros, NOTHING)

    def observe(self, seat: int, views: Views) -> Observation:
        return Observation(legal=(0,))

    def draw(self, height: int, width: int) -> Image:
        return np.zeros((height, width, 3), np.uint8)

    def default_action(self, seat: int) -> int:
        return 0


class NoopOperator(Operator):
    """Answers 0 at once."""

    def __init__(self) -> None:
        self._decision = Decision(answer=0)

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self._decision] * len(requests)


def build(context: WorkerContext) -> Operator:
    """The factory that the worker calls."""
    return NoopOperator()


NOOP = OperatorKind(
    name="noop",
    summary="answers 0 at once",
    target="arena.testing.noop:build",
    views=lambda spec, what, options: Views(),
)
