"""PettingZoo environments of all seats of a game: AEC (one agent acts at a time) or parallel (all act each step).

One episode is one match. Agent `seat_0` is seat 0. The game's chance follows from the seed of `reset`: the same seed
and the same actions give the same match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from pettingzoo import AECEnv, ParallelEnv

from arena.canonical import generator, key, whole_seed
from arena.export.views import game_of, given, shown, talk, views_of
from arena.game import Game, Views
from arena.operator import Decision
from arena.session import LocalSession
from arena.sync import SyncMatch

Seen = dict[str, npt.NDArray[Any]]  # "observation": the view; "action_mask": int8 (n,), 1 where legal


class _Seats:
    """The game behind either environment: the agents' observations and the results of a tick."""

    def __init__(self, game: Game, views: Views) -> None:
        self.game = game
        self.views = views
        self.n = game.spec.actions.n
        self.agents = [f"seat_{seat}" for seat in range(game.seats)]
        if views.image is not None:
            box: gymnasium.spaces.Box[Any] = gymnasium.spaces.Box(0, 255, (*views.image, 3), np.uint8)
        else:
            box = gymnasium.spaces.Box(-np.inf, np.inf, game.spec.vector_shape, np.float32)
        mask = gymnasium.spaces.Box(0, 1, (self.n,), np.int8)
        self.spaces = {agent: gymnasium.spaces.Dict({"observation": box, "action_mask": mask}) for agent in self.agents}
        self.actions = {agent: gymnasium.spaces.Discrete(self.n) for agent in self.agents}
        self._chance = generator(bytes(16))
        self.match: SyncMatch

    def reset(self, seed: int | None) -> None:
        """A new match. Without a seed the next one of this environment's own chance."""
        if seed is not None:
            self._chance = generator(key("pettingzoo", whole_seed(seed)))
        session = LocalSession(self.game, [self.views] * self.game.seats)
        self.match = SyncMatch(session, self.game.seats, self._chance.bytes(16))

    def see(self, seat: int) -> Seen:
        seen = self.match.waiting.get(seat) or self.match.look(seat, self.views)
        return {"observation": shown(seen, self.game.spec), "action_mask": seen.mask(self.n).astype(np.int8)}

    def take_rewards(self) -> dict[str, float]:
        """The rewards of every agent since the last call."""
        return {agent: self.match.take_reward(seat) for seat, agent in enumerate(self.agents)}

    def infos(self) -> dict[str, dict[str, Any]]:
        """Faults since the last call, the returns once the match is over, and what is heard where seats talk."""
        out: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        for seat, agent in enumerate(self.agents):
            if fault := self.match.take_fault(seat):
                out[agent]["fault"] = fault
            if self.match.result.returns is not None:
                out[agent]["returns"] = self.match.result.returns[seat]
            if self.views.text:
                out[agent] |= talk(self.match.waiting.get(seat) or self.match.look(seat, self.views))
        return out

    @property
    def ends(self) -> tuple[bool, bool]:
        """Whether the match is terminated, and whether it is truncated."""
        truncated = self.match.result.ended == "truncated"
        return self.match.over and not truncated, truncated


class SeatsAEC(AECEnv):  # type: ignore[misc]
    """See `to_pettingzoo`. Where several seats are due at once they act one after the other, unseen by each other."""

    def __init__(self, seats: _Seats, render_size: tuple[int, int], render_mode: str | None) -> None:
        super().__init__()
        self.metadata = _metadata(seats.game)
        self.render_mode = render_mode
        self._seats = seats
        self._render_size = render_size
        self.possible_agents = list(seats.agents)
        self.observation_spaces, self.action_spaces = seats.spaces, seats.actions
        self.card = seats.game.card()
        self.agent_selection: str = self.possible_agents[0]

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        return self._seats.spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return self._seats.actions[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """A new match; `seed` makes this one and all later ones repeatable."""
        self._seats.reset(seed)
        self.agents = list(self.possible_agents)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self._follow()
        self._accumulate_rewards()

    def observe(self, agent: str) -> Seen:
        """What the agent's seat may see now; its mask is all zero when it is not due."""
        return self._seats.see(self.possible_agents.index(agent))

    def step(self, action: int | str | Decision | None) -> None:
        """Answer for the agent that is selected; None once the match is over."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        if action is None:
            raise ValueError(f"{agent} is due: expected an action of 0..{self._seats.n - 1}, not None")
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self._seats.match.answer(self.possible_agents.index(agent), *given(action))
        self._follow()
        self._accumulate_rewards()

    def render(self) -> npt.NDArray[np.uint8] | None:
        """What a spectator is shown, uint8 (height, width, 3), with render_mode="rgb_array"."""
        return self._seats.game.draw(*self._render_size) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        pass

    def _follow(self) -> None:
        """What the last answer led to."""
        seats = self._seats
        terminated, truncated = seats.ends
        self.rewards = seats.take_rewards()
        self.terminations = dict.fromkeys(self.possible_agents, terminated)
        self.truncations = dict.fromkeys(self.possible_agents, truncated)
        self.infos: dict[str, dict[str, Any]] = seats.infos()
        self.agent_selection = self.possible_agents[min(seats.match.waiting, default=0)]


class SeatsParallel(ParallelEnv):  # type: ignore[misc]
    """See `to_pettingzoo`. Actions of agents that are not due (their mask is all zero) are ignored."""

    def __init__(self, seats: _Seats, render_size: tuple[int, int], render_mode: str | None) -> None:
        self.metadata = _metadata(seats.game)
        self.render_mode = render_mode
        self._seats = seats
        self._render_size = render_size
        self.possible_agents = list(seats.agents)
        self.agents = list(seats.agents)
        self.observation_spaces, self.action_spaces = seats.spaces, seats.actions
        self.card = seats.game.card()

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        return self._seats.spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return self._seats.actions[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Seen], dict[str, dict[str, Any]]]:
        """A new match; `seed` makes this one and all later ones repeatable."""
        self._seats.reset(seed)
        self.agents = list(self.possible_agents)
        return self._see(), self._seats.infos()

    def step(
        self, actions: Mapping[str, int | str | Decision]
    ) -> tuple[dict[str, Seen], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """One tick."""
        seats = self._seats
        for seat in seats.match.waiting:
            seats.match.answer(seat, *given(actions[self.possible_agents[seat]]))
        seen, rewards, infos = self._see(), seats.take_rewards(), seats.infos()
        terminated, truncated = seats.ends
        terminations, truncations = dict.fromkeys(self.agents, terminated), dict.fromkeys(self.agents, truncated)
        if seats.match.over:
            self.agents = []
        return seen, rewards, terminations, truncations, infos

    def render(self) -> npt.NDArray[np.uint8] | None:
        """As SeatsAEC.render."""
        return self._seats.game.draw(*self._render_size) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        pass

    def _see(self) -> dict[str, Seen]:
        return {agent: self._seats.see(seat) for seat, agent in enumerate(self.possible_agents)}


def _metadata(game: Game) -> dict[str, Any]:
    name = "".join(char if char.isalnum() else "_" for char in game.spec.id)
    return {
        "name": f"{name}_v{game.spec.version}",
        "render_modes": ["rgb_array"],
        "render_fps": 2,
        # Converted to parallel by PettingZoo it would ask seats that are not due; `parallel=True` does not.
        "is_parallelizable": False,
    }


def to_pettingzoo(
    game: str | type[Game] | Callable[[int], Game],
    seats: int | None = None,
    *,
    parallel: bool = False,
    options: Mapping[str, Any] | None = None,
    view: str = "vector",
    image_size: tuple[int, int] | None = None,
    render_size: tuple[int, int] = (600, 960),
    render_mode: str | None = None,
) -> SeatsAEC | SeatsParallel:
    """A PettingZoo environment of all seats of `game`.

    game: a game's name (`leduc`, `openspiel:hanabi`, `./rps.py:Rps`), a Game class, or a callable that makes the game
        for a number of seats.
    seats: at the table. Default: the fewest that the game takes; it must be given for a callable.
    parallel: a ParallelEnv instead of an AECEnv, for any game; agents that are not due have a mask of zeros.
    options: of the game, when it is given by name or class.
    view: "vector" (Box float32 of the game's vector_shape) or "image" (Box uint8 of (*image_size, 3)).

    An observation is {"observation": the view, "action_mask": int8 (n,)}. `env.card` is the GameCard. Raises InputError
    or UnplayableError for what cannot be.
    """
    made = game_of(game, seats, options)
    kit = _Seats(made, views_of(made, view, image_size))
    return (SeatsParallel if parallel else SeatsAEC)(kit, render_size, render_mode)
