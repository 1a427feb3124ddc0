"""Many lanes of a one-player game as a Stable-Baselines3 VecEnv that gives uint8 pictures, channels first.

A lane's match follows from (seed, lane, how many it has played) and the actions it was given, so the state of all lanes
is kept as those numbers, and restored by playing them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt
from stable_baselines3.common.vec_env import VecEnv

from arena.canonical import key
from arena.game import GameSpec, TimeStep
from arena.train.lane_hosts import Place

Pictures = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class Ended(NamedTuple):
    """A match that is over."""

    total: float  # its rewards, as the game counts them
    length: int  # decisions


def as_picture(vector: Floats) -> Pictures:
    """uint8 (channels, height, width) of a vector view (height, width, channels) from 0 to 1."""
    return np.ascontiguousarray(np.rint(vector * 255).astype(np.uint8).transpose(2, 0, 1))


class Lanes(VecEnv):  # type: ignore[misc]
    """`place` plays them. Rewards are given scaled, then clipped to +-clip."""

    def __init__(self, place: Place, spec: GameSpec, count: int, seed: int, scale: float, clip: float) -> None:
        assert spec.vector_shape is not None
        high, wide, channels = spec.vector_shape
        space = gymnasium.spaces.Box(0, 255, (channels, high, wide), np.uint8)
        self.render_mode = None
        super().__init__(count, space, gymnasium.spaces.Discrete(spec.actions.n))
        self.finished: list[Ended] = []  # since it was last emptied
        self._place = place
        self._seed = seed
        self._scale, self._clip = scale, clip
        self._matches = [0] * count  # of each lane, the one under way included
        self._played: list[list[int]] = [[] for _ in range(count)]  # its actions
        self._totals = [0.0] * count
        self._seen = np.zeros((count, *space.shape), dtype=np.uint8)
        self._actions: npt.NDArray[np.int64] = np.zeros(count, dtype=np.int64)

    def reset(self) -> Pictures:
        self._begin(range(self.num_envs))
        return self._seen.copy()

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Pictures, Floats, npt.NDArray[np.bool_], list[dict[str, Any]]]:
        time_steps = self._place.step(dict(enumerate(self._actions.tolist())))
        rewards = np.zeros(self.num_envs, dtype=np.float32)
        dones = np.zeros(self.num_envs, dtype=np.bool_)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for lane, time_step in time_steps.items():
            reward = time_step.result.rewards[0]
            rewards[lane] = np.clip(reward * self._scale, -self._clip, self._clip)
            self._totals[lane] += reward
            self._played[lane].append(int(self._actions[lane]))
            if time_step.result.ended == "none":
                self._look(lane, time_step)
                continue
            dones[lane] = True
            if time_step.result.ended == "truncated":
                # A match that is cut shows nothing more: its value is taken to be that of the picture before.
                infos[lane] = {"TimeLimit.truncated": True, "terminal_observation": self._seen[lane].copy()}
            self.finished.append(Ended(self._totals[lane], len(self._played[lane])))
        self._begin(np.flatnonzero(dones).tolist())
        return self._seen.copy(), rewards, dones, infos

    def _begin(self, lanes: Sequence[int]) -> None:
        for lane in lanes:
            self._matches[lane] += 1
            self._played[lane], self._totals[lane] = [], 0.0
        for lane, time_step in self._place.begin({lane: self._chance(lane) for lane in lanes}).items():
            self._look(lane, time_step)

    def _chance(self, lane: int) -> bytes:
        return key("ppo-lane", self._seed, lane, self._matches[lane])

    def _look(self, lane: int, time_step: TimeStep) -> None:
        vector = time_step.observations[0].vector
        assert vector is not None
        self._seen[lane] = as_picture(vector)

    # The state between two updates.

    def state(self) -> list[tuple[int, list[int]]]:
        """(match, its actions) of each lane."""
        return [(match, list(played)) for match, played in zip(self._matches, self._played, strict=True)]

    def restore(self, state: Sequence[tuple[int, Sequence[int]]]) -> Pictures:
        """Play the lanes to where `state` was taken; what is seen there."""
        self._matches = [match - 1 for match, _ in state]
        self._begin(range(self.num_envs))
        for tick in range(max(len(played) for _, played in state)):
            going = {lane: played[tick] for lane, (_, played) in enumerate(state) if tick < len(played)}
            for lane, time_step in self._place.step(going).items():
                self._totals[lane] += time_step.result.rewards[0]
                self._played[lane].append(going[lane])
                self._look(lane, time_step)
        return self._seen.copy()

    # What else SB3 asks of a VecEnv.

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise AttributeError(f"these lanes have no method {method_name!r}")

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        if attr_name != "render_mode":
            raise AttributeError(f"these lanes have no attribute {attr_name!r}")
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError(f"these lanes have no attribute {attr_name!r}")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def close(self) -> None:
        self._place.close()
