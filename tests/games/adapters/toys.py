"""Environments that are awkward on purpose, as a third party's module would hold them. `env` is chosen by name."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv


class Leaving(ParallelEnv):
    """Agent i leaves after i + 1 steps; agents see different amounts; chance is drawn by `draw`."""

    metadata = {"name": "leaving_v0", "render_modes": []}  # noqa: RUF012
    possible_agents = ["a", "b", "c"]  # noqa: RUF012

    def __init__(self, render_mode=None):
        self.agents: list[str] = []

    def draw(self) -> float:
        return float(np.random.rand())  # noqa: NPY002 - the global generator, as careless code does it

    def observation_space(self, agent):
        return spaces.Box(0, 1, (1 + self.possible_agents.index(agent),), np.float32)

    def action_space(self, agent):
        return spaces.Discrete(2, start=5)

    def _given(self):
        return {agent: np.full(self.observation_space(agent).shape, self.draw(), np.float32) for agent in self.agents}

    def reset(self, seed=None, options=None):
        self.agents, self.taken = list(self.possible_agents), []
        return self._given(), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.taken.append(dict(actions))
        given = self._given()
        gone = {agent: self.possible_agents.index(agent) < len(self.taken) for agent in self.agents}
        rewards = {agent: float(actions[agent] == 5) for agent in self.agents}
        self.agents = [agent for agent in self.agents if not gone[agent]]
        return given, rewards, gone, dict.fromkeys(gone, False), {agent: {} for agent in gone}


class Unseeded(Leaving):
    """No seed decides what it draws."""

    def draw(self) -> float:
        return int.from_bytes(os.urandom(4), "little") / 2**32


class Continuous(Leaving):
    def action_space(self, agent):
        return spaces.Box(-1, 1, (2,), np.float32)


def module(env: type[ParallelEnv]) -> Any:
    """What `arena_games.adapters.zoo` finds when it imports a module."""
    return SimpleNamespace(parallel_env=env, __doc__=None)


class Pixels(gymnasium.Env):
    """The observation is the picture."""

    observation_space = spaces.Box(0, 255, (32, 48, 3), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.frame = self.np_random.integers(0, 256, (32, 48, 3), np.uint8)
        return self.frame, {}

    def step(self, action):
        self.frame[:] = action  # the live buffer, as emulators hand it out
        return self.frame, 1.0, False, False, {}


gymnasium.register("arena-tests/Pixels-v0", entry_point=Pixels)
