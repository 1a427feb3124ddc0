"""Environments of Gymnasium and PettingZoo that bend the rules of their library, each in one way."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

HERE = "tests.games.adapters.odd_envs"


class Plain(gymnasium.Env[Any, Any]):
    """Six steps; three numbers are seen; the reward is the action's number."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space = spaces.Discrete(3)

    def __init__(self, render_mode: str | None = None) -> None:
        self.step_number = 0

    def seen(self) -> Any:
        return self.np_random.random(3).astype(np.float32)

    def info(self) -> Any:
        return {}

    def reward(self, action: int) -> Any:
        return float(action)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.step_number = 0
        return self.seen(), self.info()

    def step(self, action: int) -> Any:
        self.step_number += 1
        return self.seen(), self.reward(action), self.step_number >= 6, False, self.info()


class NothingAllowed(Plain):
    def info(self) -> Any:
        return {"action_mask": np.full(3, self.step_number != 3, np.int8)}


class LongMask(Plain):
    def info(self) -> Any:
        return {"action_mask": np.ones(5, np.int8)}


class ShortMask(Plain):
    def info(self) -> Any:
        return {"action_mask": np.ones(2, np.int8)}


class NotANumber(Plain):
    def seen(self) -> Any:
        return np.full(3, np.nan, np.float32)


class Grows(Plain):
    def seen(self) -> Any:
        return np.zeros(3 + (self.step_number > 2), np.float32)


class OutOfRange(Plain):
    observation_space = spaces.Discrete(4)

    def seen(self) -> Any:
        return 3 + self.step_number


class NanReward(Plain):
    def reward(self, action: int) -> Any:
        return float("nan") if self.step_number == 3 else 1.0


class InfReward(Plain):
    def reward(self, action: int) -> Any:
        return float("inf") if self.step_number == 3 else 1.0


class TwoRewards(Plain):
    def reward(self, action: int) -> Any:
        return np.ones(2)


class NoInfo(Plain):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return super().reset(seed=seed)[0]


class NoSeed(Plain):
    def reset(self) -> Any:  # type: ignore[override]
        return super().reset()


class FourValues(Plain):
    def step(self, action: int) -> Any:
        seen, reward, terminated, _, info = super().step(action)
        return seen, reward, terminated, info


class OtherChance(Plain):
    def seen(self) -> Any:
        return np.random.default_rng().random(3).astype(np.float32)


class Clock(Plain):
    def seen(self) -> Any:
        return np.full(3, int(time.time()) % 7 / 7, np.float32)


class Raises(Plain):
    def reward(self, action: int) -> Any:
        return {}["agent_0"]


# These are played.


class RewardInAnArray(Plain):
    def reward(self, action: int) -> Any:
        return np.array([1.5], np.float32)


class Huge(Plain):
    def seen(self) -> Any:
        return self.np_random.random(3) * 1e300


class FromOne(Plain):
    action_space = spaces.Discrete(3, start=1)

    def reward(self, action: int) -> Any:
        assert 1 <= action <= 3
        return float(action)


class Words(Plain):
    observation_space = spaces.Text(40)

    def seen(self) -> Any:
        return f"a troll, {self.np_random.integers(100)} feet tall"


class Parts(Plain):
    observation_space = spaces.Dict(
        place=spaces.Box(-1, 1, (2,), np.float32), bag=spaces.MultiDiscrete([3, 4]), room=spaces.Discrete(5)
    )

    def seen(self) -> Any:
        return {"place": np.zeros(2, np.float32), "bag": np.array([1, 2]), "room": np.int64(3)}


class PartsWithWords(Plain):
    observation_space = spaces.Dict(room=spaces.Discrete(5), sign=spaces.Text(40))

    def seen(self) -> Any:
        return {"room": 3, "sign": "keep out"}


class SeedOnce(Plain):
    """Takes its seed only when it is new."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        fresh = not hasattr(self, "used")
        self.used = True
        return super().reset(seed=seed if fresh else None)


class SeedByActing(Plain):
    """What its seed decides is seen only after the last action."""

    def seen(self) -> Any:
        return np.full(3, self.opened, np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.opened = 0.0
        return super().reset(seed=seed)

    def step(self, action: int) -> Any:
        if action == 2:
            self.opened = float(self.np_random.random())
        return super().step(action)


for _cls in Plain.__subclasses__():
    gymnasium.register(id=f"{_cls.__name__}-v0", entry_point=f"{HERE}:{_cls.__name__}")


class Table(ParallelEnv[str, Any, int]):
    """Three agents, six steps. `kind` says what is odd."""

    metadata: ClassVar[dict[str, Any]] = {"name": "table_v0", "render_modes": []}

    def __init__(self, kind: str = "", render_mode: str | None = None) -> None:
        self.kind = kind
        self.possible_agents = ["a", "b", "c"]

    def observation_space(self, agent: str) -> Any:
        return spaces.Box(0, 1, (2,), np.float32)

    def action_space(self, agent: str) -> Any:
        return spaces.Discrete(3)

    def out(self) -> dict[str, Any]:
        return {agent: self.chance.random(2).astype(np.float32) for agent in self.agents}

    def infos(self) -> dict[str, Any]:
        mask = {"mask": [1, 0, 1], "no mask": [0, 0, 0]}.get(self.kind)
        return {agent: {} if mask is None else {"action_mask": np.array(mask)} for agent in self.agents}

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.chance, self.time = np.random.default_rng(seed), 0
        self.agents = ["a", "b"] if self.kind == "joins" else list(self.possible_agents)
        return self.out() if self.kind == "no infos" else (self.out(), self.infos())

    def step(self, actions: dict[str, int]) -> Any:
        self.time += 1
        if self.kind == "joins" and self.time == 2:
            self.agents.append("c")
        if self.kind == "stranger" and self.time == 2:
            self.agents.append("z")
        dead = {agent: self.time >= 6 or self.dies(agent) for agent in self.agents}
        seen, infos = self.out(), self.infos()
        rewards = {agent: 1.0 if agent in actions else 0.0 for agent in self.agents}
        if self.kind != "stays listed":
            self.agents = [agent for agent in self.agents if not dead[agent]]
        return seen, rewards, dead, dict.fromkeys(dead, False), infos

    def dies(self, agent: str) -> bool:
        return self.kind in ("dies", "stays listed") and agent == "b" and self.time >= 3


def parallel_env(**how: Any) -> Table:
    return Table(**how)
