"""A tiny game for tests: each seat is dealt a card and says in turn, for two rounds, whether it is high or low."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arena.canonical import digest, generator
from arena.game import Discrete, Game, GameCard, GameSpec, Move, Observation, StepResult, Views, actions_of

CARDS = 6
ROUNDS = 2


class Toy(Game):
    """`skip` is legal in the first round only. Right earns 1, wrong loses 1, each less the mean of the others."""

    spec = GameSpec(
        id="toy",
        version=1,
        summary="say whether your card is high",
        seats=(2, 3),
        actions=Discrete(("low", "high", "skip")),
        horizon=3 * ROUNDS,
        unit="points",
        vector_shape=(CARDS + 2,),
        image_sizes=((36, 36),),
        text=True,
        baseline="tests.train.toy:baseline",
    )

    def card(self) -> GameCard:
        return GameCard(
            game="toy",
            version=1,
            seats=self.seats,
            rules="Say whether your card is high.",
            actions=self.spec.actions.names,
            answer_format="a word",
            unit="points",
            vector_shape=self.spec.vector_shape,
            baseline=self.spec.baseline,
        )

    def reset(self, seed: bytes) -> StepResult:
        self.cards = generator(seed).integers(CARDS, size=self.seats).tolist()
        self.said: list[int] = []
        return StepResult.going((0,), (0.0,) * self.seats, self._hash())

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        turn = len(self.said)
        seat = turn % self.seats
        if set(actions) != {seat} or actions[seat] not in self._legal(seat):
            raise ValueError(f"seat {seat} may do {self._legal(seat)}, not {actions}")
        gain = 0.0 if actions[seat] == 2 else 1.0 if (self.cards[seat] >= CARDS // 2) == actions[seat] else -1.0
        self.said.append(actions[seat])
        rewards = tuple(gain if other == seat else -gain / (self.seats - 1) for other in range(self.seats))
        self.totals = rewards if turn == 0 else tuple(a + b for a, b in zip(self.totals, rewards, strict=True))
        if turn + 1 == ROUNDS * self.seats:
            return StepResult.terminated(rewards, self.totals, self._hash())
        return StepResult.going(((turn + 1) % self.seats,), rewards, self._hash())

    def forfeit(self, seat: int) -> StepResult:
        returns = tuple(-2.0 if other == seat else 2.0 / (self.seats - 1) for other in range(self.seats))
        had = self.totals if self.said else (0.0,) * self.seats
        rewards = tuple(now - before for now, before in zip(returns, had, strict=True))
        self.said += [0] * (ROUNDS * self.seats - len(self.said))
        return StepResult.terminated(rewards, returns, self._hash())

    def observe(self, seat: int, views: Views) -> Observation:
        vector = np.zeros(CARDS + 2, dtype=np.float32)
        vector[self.cards[seat]] = 1
        vector[CARDS] = len(self.said) / (ROUNDS * self.seats)
        vector[CARDS + 1] = self.seats
        image = np.zeros((36, 36, 3), dtype=np.uint8)
        image[:, : 6 * self.cards[seat]] = 255
        return Observation(
            legal=self._legal(seat),
            vector=vector if views.vector else None,
            image=image if views.image else None,
            text=f"card {self.cards[seat]}" if views.text else None,
        )

    def draw(self, height: int, width: int) -> np.ndarray:
        return np.zeros((height, width, 3), dtype=np.uint8)

    def _legal(self, seat: int) -> tuple[int, ...]:
        turn = len(self.said)
        if turn >= ROUNDS * self.seats or turn % self.seats != seat:
            return ()
        return (0, 1, 2) if turn < self.seats else (0, 1)

    def _hash(self) -> str:
        return digest(self.cards, self.said)


def baseline(observation: Observation, card: GameCard, chance: np.random.Generator) -> int:
    """Says high for the highest card only."""
    assert observation.vector is not None
    return int(observation.vector[CARDS - 1] > 0)
