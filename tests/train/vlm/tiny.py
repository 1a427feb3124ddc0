"""A policy small enough to learn within a test, by the trainer's own functions, and games for it.

A response has two tokens: a thought, which means nothing, and the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from arena.train.vlm.advantages import (
    ALGORITHMS,
    BASELINES,
    Inputs,
    bilevel_gae,
    critic_of,
    targets,
    token_gae,
)
from arena.train.vlm.baselines import RoleBaselines
from arena.train.vlm.critic import Critic
from arena.train.vlm.critic_config import CriticConfig
from arena.train.vlm.estimate import estimate
from arena.train.vlm.losses import policy, score
from arena.train.vlm.rows import Row
from arena.train.vlm.seen import FACTS, seen
from arena.train.vlm.tokens import token_inputs
from tests.train.vlm.batches import row

ANSWERS = 3
TURNS = 5
GROUP = 8
EPISODES = 64  # an update


class Tiny:
    """Log-probabilities of both tokens, for each symbol that may be shown; and what one algorithm keeps beside it."""

    def __init__(self, algorithm: str, symbols: int, *, seed: int = 0, rate: float = 0.1, **how: Any) -> None:
        self.algorithm, self.how = algorithm, how
        self.reads = critic_of(ALGORITHMS[algorithm])
        self.logits = torch.zeros(symbols, 2, ANSWERS, requires_grad=True)
        self.logs = self.logits.detach().log_softmax(-1).numpy()  # what the sampler knows of it
        self.optimizer = torch.optim.Adam([self.logits], lr=rate)
        self.chance = np.random.default_rng(seed)
        self.baselines = RoleBaselines()
        self.critic = Critic(
            CriticConfig(inputs=("facts",), hidden=32, learning_rate=3e-3, warmup=2), {"facts": (FACTS,)}
        )
        self.head = np.zeros((symbols, TURNS, 2))  # a value for each token

    def say(self, symbol: int) -> tuple[np.ndarray, np.ndarray]:
        """Two tokens (2,), and their log-probabilities."""
        logs = self.logs[symbol]
        tokens = (np.exp(logs).cumsum(1) < self.chance.random((2, 1))).sum(1).clip(max=ANSWERS - 1)
        return tokens.astype(np.int32), np.take_along_axis(logs, tokens[:, None], 1)[:, 0]

    def update(self, rows: list[Row]) -> list[dict[str, float]]:
        """One update of two optimiser steps, of two calls each. The sums of each step's metrics."""
        inputs = self.inputs(rows)
        advantages = estimate(rows, inputs, self.algorithm, **self.how)
        waits = self.reads == "turns" and self.critic.warming
        if self.reads == "turns":
            self.critic.update(seen(rows, ("facts",)), targets(rows, inputs))
        if self.reads == "tokens":
            gae = token_gae if self.algorithm == "token_ppo" else bilevel_gae
            for one, gained in zip(rows, gae(rows, inputs), strict=True):
                self.head[tuple(one.prompt)] += 0.02 * gained
        if waits:
            return []
        with torch.no_grad():
            old = np.split(self.score(rows)[0].numpy(), len(rows))
        made, mismatch = token_inputs(rows, advantages, old, parts=2)
        half, out = len(rows) // 2, []
        for step in (slice(None, half), slice(half, None)):
            self.optimizer.zero_grad()
            total = dict(mismatch)
            for call in (slice(None, None, 2), slice(1, None, 2)):
                chosen, given = rows[step][call], made[step][call]
                tensors = {name: torch.from_numpy(np.concatenate([one[name] for one in given])) for name in given[0]}
                logprobs, tensors["entropy"] = self.score(chosen)
                loss, sums = policy(logprobs, tensors, {"entropy": 0.01})
                loss.sum().backward()
                total |= {name: total.get(name, 0.0) + one for name, one in sums.items()}
            self.optimizer.step()
            out.append(total)
        self.logs = self.logits.detach().log_softmax(-1).numpy()
        return out

    def inputs(self, rows: list[Row]) -> Inputs:
        if self.reads == "turns":
            return Inputs(values=self.critic.values(seen(rows, ("facts",))))
        if self.reads == "tokens":
            return Inputs(token_values=[self.head[tuple(one.prompt)].copy() for one in rows])
        return Inputs(baselines=self.baselines if self.algorithm in BASELINES else None)

    def score(self, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        symbols = torch.tensor([int(one.prompt[0]) for one in rows])
        answers = torch.from_numpy(np.concatenate([one.response for one in rows])).long()
        return score(self.logits[symbols].flatten(0, 1), answers)


def bandit(tiny: Tiny) -> list[Row]:
    """Answer 2 wins 1, answer 1 wins 0.5 in the mean, answer 0 is not an answer: a fault, which costs nothing."""
    out = []
    for number in range(EPISODES):
        tokens, mu = tiny.say(0)
        gained = [0.0, 0.5 + 0.2 * tiny.chance.normal(), 1.0][tokens[1]]
        out.append(_row(tokens, mu, 0, number, done=True, reward=gained, parsed=bool(tokens[1])))
    return out


def symbols(tiny: Tiny, shuffle: bool = False) -> list[Row]:
    """Five turns; each shows a symbol, and the right answer to it is worth 1, paid after the last turn.

    Episodes of a group see the same symbols. `shuffle`: the policy is shown another symbol than the one that counts.
    """
    out = []
    for number in range(EPISODES):
        if number % GROUP == 0:
            shown = tiny.chance.integers(0, ANSWERS, TURNS)
        right = 0.0
        for turn, symbol in enumerate(shown.tolist()):
            wrong = int(tiny.chance.integers(ANSWERS)) if shuffle else symbol
            tokens, mu = tiny.say(wrong)
            right += tokens[1] == (symbol + 1) % ANSWERS
            last = turn == TURNS - 1
            out.append(_row(tokens, mu, wrong, number, turn, done=last, reward=right if last else 0.0))
    return out


def learn(game: Callable[[Tiny], list[Row]], tiny: Tiny, updates: int) -> float:
    """The mean return of the last update's episodes."""
    for _ in range(updates):
        rows = game(tiny)
        tiny.update(rows)
    return sum(one.reward for one in rows) / EPISODES


def _row(tokens: np.ndarray, mu: np.ndarray, symbol: int, number: int, turn: int = 0, **given: Any) -> Row:
    return row(
        **dict(episode=number, turn=turn, group=number // GROUP, prompt=np.array([symbol, turn], np.int32)),
        **dict(response=tokens, mu=mu.astype(np.float32), thought=1, state={"symbol": str(symbol), "turn": str(turn)}),
        **given,
    )
