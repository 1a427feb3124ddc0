"""One interface to both kinds of PettingZoo environments: reset, and step with the actions of all due agents."""

from __future__ import annotations

import abc
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arena.errors import GameError
from arena_games.adapters.isolation import IsolatedRandom
from arena_games.adapters.space_reader import number

HEIGHT = 512  # pixels drawn where the environment lets us choose: twice the height takes four times as long


GIVEN = {2: "(observations, infos)", 5: "(observations, rewards, terminations, truncations, infos)"}


class EnvDriver(abc.ABC):
    """One environment in play, isolated from the global random generators."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.agents: list[str] = list(env.possible_agents)  # in seat order
        self.given: dict[str, Any] = {}  # the last observation of each agent
        self.infos: Mapping[str, Any] = {}
        self.rewards: dict[str, float] = {}  # of the last step
        self.terminated: dict[str, bool] = {}
        self.truncated: dict[str, bool] = {}
        self._random = IsolatedRandom()

    @property
    def over(self) -> bool:
        """Whether no agent is left."""
        return not self.due()

    @abc.abstractmethod
    def due(self) -> Sequence[str]:
        """The agents that act next."""

    def dead(self, agent: str) -> bool:
        """Whether its part is over. An agent that is merely not listed may join later."""
        return self.terminated[agent] or self.truncated[agent]

    @abc.abstractmethod
    def _reset(self, seed: int) -> None: ...

    @abc.abstractmethod
    def _step(self, actions: Mapping[str, int]) -> None: ...

    def reset(self, seed: bytes) -> None:
        """Start again from `seed`, 16 bytes (the environment itself gets 31 bits of them)."""
        self._random.seed(seed)
        self.given, self.rewards = {}, {}
        self.terminated = dict.fromkeys(self.agents, False)
        self.truncated = dict.fromkeys(self.agents, False)
        with self._random.isolated():
            self._reset(int.from_bytes(seed[:4], "little") >> 1)

    def step(self, actions: Mapping[str, int]) -> None:
        """Apply one action of every agent that is due."""
        with self._random.isolated():
            self._step(actions)

    def render(self) -> Any:
        """Returns the spectator's picture, or None if the environment draws none."""
        with self._random.isolated():
            return self.env.render()


class AecDriver(EnvDriver):
    """An AEC environment: one agent acts at a time."""

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
        self.rewards = {agent: number(got, f"the reward of {agent}") for agent, got in self.env.rewards.items()}
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


class ParallelDriver(EnvDriver):
    """A Parallel environment: all listed agents that are neither terminated nor truncated act at the same time.

    An agent may join later, or stay listed when it is dead.
    """

    def due(self) -> Sequence[str]:
        listed = set(self.env.agents)
        return [agent for agent in self.agents if agent in listed and not self.dead(agent)]

    def _reset(self, seed: int) -> None:
        given, self.infos = self._called(2, lambda: self.env.reset(seed=seed))
        self._take(given)

    def _step(self, actions: Mapping[str, int]) -> None:
        given, rewards, terminated, truncated, self.infos = self._called(5, lambda: self.env.step(dict(actions)))
        self._take(given)
        self.rewards = {agent: number(reward, f"the reward of {agent}") for agent, reward in rewards.items()}
        self.terminated.update({agent: bool(value) for agent, value in terminated.items()})
        self.truncated.update({agent: bool(value) for agent, value in truncated.items()})

    def _called(self, count: int, call: Callable[[], Any]) -> tuple[Any, ...]:
        """Returns the `count` dictionaries, by agent, that a reset or a step gives."""
        out = call()
        if not isinstance(out, tuple) or len(out) != count or not all(isinstance(one, Mapping) for one in out):
            found = f"{len(out)} values" if isinstance(out, tuple) else f"a {type(out).__name__}"
            raise GameError(f"it gave {found}; expected {GIVEN[count]}, each a dictionary by agent")
        return out

    def _take(self, given: Mapping[str, Any]) -> None:
        unknown = sorted({*self.env.agents, *given} - set(self.agents))
        if unknown:
            raise GameError(f"agent {unknown[0]!r} is none of its possible_agents: {', '.join(self.agents)}")
        self.given.update(given)


def driver_of(module: Any, arguments: Mapping[str, Any], *, pictures: bool = False) -> EnvDriver:
    """Makes a new environment of a PettingZoo module: its Parallel form if it has one, with or without pictures."""
    parallel = hasattr(module, "parallel_env")
    how = {**arguments}
    if pictures:
        how["render_mode"] = "rgb_array"
        if "screen_height" in inspect.signature(getattr(module, "raw_env", module.env)).parameters:
            how.setdefault("screen_height", HEIGHT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about spaces, meant for the environment's authors
        return ParallelDriver(module.parallel_env(**how)) if parallel else AecDriver(module.env(**how))
