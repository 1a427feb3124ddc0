"""Advantages against their definition, and the learner's side of many matches."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from arena.game import StepResult
from arena.train.backend import LocalBackend
from arena.train.pool import Pool
from arena.train.ppo import Rollout, gae
from arena.train.vector_env import VectorEnv
from tests.train.toy import Toy

GAMMA, LAMBDA = 0.9, 0.7


def rollout(ticks=12, envs=3):
    """Random rewards and values; about a third of the decisions end a match, and half of the rewards are zero."""
    chance = np.random.default_rng(4)
    rewards = (chance.normal(size=(ticks, envs)) * (chance.random((ticks, envs)) < 0.5)).astype(np.float32)
    values = chance.normal(size=(ticks + 1, envs)).astype(np.float32)
    dones = chance.random((ticks, envs)) < 0.3
    nothing = np.zeros((ticks, envs))
    return Rollout(nothing, nothing, nothing, nothing, rewards, values, dones)


def test_advantages_are_the_sums_that_define_them():
    played = rollout()
    expected = np.zeros_like(played.rewards)
    for at, env in np.ndindex(expected.shape):
        weight = 1.0
        for ahead in range(at, len(expected)):
            going = not played.dones[ahead, env]
            error = played.rewards[ahead, env] + GAMMA * going * played.values[ahead + 1, env]
            expected[at, env] += weight * (error - played.values[ahead, env])
            weight *= GAMMA * LAMBDA
            if not going:
                break
    assert gae(played, GAMMA, LAMBDA) == pytest.approx(expected, abs=1e-5)


def test_with_lambda_1_they_are_returns_less_values():
    played = rollout()
    returns = np.zeros_like(played.values)
    returns[-1] = played.values[-1]
    for at in reversed(range(len(played.rewards))):
        returns[at] = played.rewards[at] + GAMMA * np.where(played.dones[at], 0, returns[at + 1])
    assert gae(played, GAMMA, 1.0) == pytest.approx(returns[:-1] - played.values[:-1], abs=1e-5)


def env_of(game, seats, **how):
    pool = Pool(Toy, {"random": 1.0}, 1)
    env = VectorEnv(LocalBackend([game(count) for count in seats]), pool, 1, **how)
    env.begin(1)
    return env


class Told(Toy):
    """Notes the returns of every match."""

    ended: list[tuple[float, ...]] = []  # noqa: RUF012 - shared on purpose

    def step(self, moves):
        result = super().step(moves)
        if result.returns is not None:
            Told.ended.append(result.returns)
        return result


def test_a_match_brings_its_return():
    Told.ended.clear()
    env = env_of(Told, (3,))
    while len(env.finished) < 20:
        env.step([int(np.flatnonzero(env.masks[0])[-1])])
    for one, returns in zip(env.finished, Told.ended, strict=True):
        assert any(one.total == pytest.approx(value) for value in returns)


def test_rewards_are_scaled_and_clipped():
    env, scaled = env_of(Toy, (2,)), env_of(Toy, (2,), scale=0.5, clip=0.6)
    for _ in range(20):
        actions = [int(np.flatnonzero(row)[0]) for row in env.masks]
        plain, other = env.step(actions).rewards, scaled.step(actions).rewards
        assert other == pytest.approx(np.clip(0.5 * plain, -0.6, 0.6))


class Short(Toy):
    """Cut by its horizon when everybody has spoken twice."""

    def step(self, moves):
        result = super().step(moves)
        if result.ended == "none":
            return result
        return StepResult.truncated(result.rewards, result.returns, result.state_hash)


def test_what_is_seen_at_the_end_of_a_match_that_is_cut_is_given():
    env = env_of(Short, (2,))
    while not (step := env.step([0])).dones.any():
        pass
    assert step.cut[0][6] == 1  # all was said
    assert env.seen[0][6] < 1  # the next match has begun
