"""The two kinds of PettingZoo environments, driven alike: reset, step with the actions of all agents that are due."""

from __future__ import annotations

import abc
import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from games.adapters.fence import Fence

HEIGHT = 512  # pixels that are drawn where the environment lets us choose: twice as many take four times as long


class Drive(abc.ABC):
    """One environment in play, fenced off from the global random generators."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.agents: list[str] = list(env.possible_agents)  # in seat order
        self.given: dict[str, Any] = {}  # the last observation of each agent
        self.infos: Mapping[str, Any] = {}
        self.rewards: dict[str, float] = {}  # of the last step
        self.terminated: dict[str, bool] = {}
        self.truncated: dict[str, bool] = {}
        self._fence = Fence()

    @property
    def over(self) -> bool:
        """No agent is left."""
        return not self.due()

    @abc.abstractmethod
    def due(self) -> Sequence[str]:
        """The agents that act next."""

    @abc.abstractmethod
    def _reset(self, seed: int) -> None: ...

    @abc.abstractmethod
    def _step(self, actions: Mapping[str, int]) -> None: ...

    def reset(self, seed: bytes) -> None:
        """Start anew from all 16 bytes of `seed` (the environment itself takes 31 bits of it)."""
        self._fence.seed(seed)
        self.given, self.rewards = {}, {}
        self.terminated = dict.fromkeys(self.agents, False)
        self.truncated = dict.fromkeys(self.agents, False)
        with self._fence.inside():
            self._reset(int.from_bytes(seed[:4], "little") >> 1)

    def step(self, actions: Mapping[str, int]) -> None:
        """Apply one action of every agent that is due."""
        with self._fence.inside():
            self._step(actions)

    def render(self) -> Any:
        """The spectator's picture, or None where there is none."""
        with self._fence.inside():
            return self.env.render()


class Turns(Drive):
    """An AEC environment: one agent at a time."""

    def due(self) -> Sequence[str]:
        agent = self.env.agent_selection if self.env.agents else None
        return () if agent is None or self._dead(agent) else (agent,)

    def _reset(self, seed: int) -> None:
        self.env.reset(seed=seed)
        self._look()

    def _step(self, actions: Mapping[str, int]) -> None:
        ((_, action),) = actions.items()
        self.env.step(action)
        # What an agent got since the step before; the environment clears it when a dead agent leaves.
        self.rewards = {agent: float(reward) for agent, reward in self.env.rewards.items()}
        self._look()
        while self.env.agents and self._dead(self.env.agent_selection):
            self.env.step(None)
        self._look()

    def _dead(self, agent: str) -> bool:
        return bool(self.env.terminations[agent] or self.env.truncations[agent])

    def _look(self) -> None:
        self.infos = {agent: dict(info) for agent, info in self.env.infos.items()}
        for agent in self.env.agents:
            self.terminated[agent] = bool(self.env.terminations[agent])
            self.truncated[agent] = bool(self.env.truncations[agent])
            self.given[agent] = self.env.observe(agent)


class AtOnce(Drive):
    """A Parallel environment: all living agents at the same time."""

    def due(self) -> Sequence[str]:
        return [agent for agent in self.agents if agent in self.env.agents]

    def _reset(self, seed: int) -> None:
        given, self.infos = self.env.reset(seed=seed)
        self.given.update(given)

    def _step(self, actions: Mapping[str, int]) -> None:
        given, rewards, terminated, truncated, self.infos = self.env.step(dict(actions))
        self.given.update(given)
        self.rewards = {agent: float(reward) for agent, reward in rewards.items()}
        self.terminated.update({agent: bool(value) for agent, value in terminated.items()})
        self.truncated.update({agent: bool(value) for agent, value in truncated.items()})


def drive(module: Any, arguments: Mapping[str, Any], *, pictures: bool = False) -> Drive:
    """A new environment of a PettingZoo module, its Parallel form where it has one; with pictures or without."""
    parallel = hasattr(module, "parallel_env")
    how = {**arguments}
    if pictures:
        how["render_mode"] = "rgb_array"
        if "screen_height" in inspect.signature(getattr(module, "raw_env", module.env)).parameters:
            how.setdefault("screen_height", HEIGHT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on spaces, meant for those who write the environment
        return AtOnce(module.parallel_env(**how)) if parallel else Turns(module.env(**how))
