"""Many tables in one process as a Stable-Baselines3 VecEnv, with the opponents' networks asked in batches.

Every rollout begins with new matches whose chance follows from (seed, update, table, match) alone. So the state of
training between two updates is the learner and the pool, and a resumed run continues as if never stopped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from stable_baselines3.common.vec_env import VecEnv

from arena.canonical import generator, key
from arena.export.table import Table
from arena.game import Game, Views
from arena.train.policy import Floats, Mlp, probabilities, sample
from arena.train.pool import Member, Pool

VECTOR = Views(vector=True)


class _Lane:
    """One table with the chance and the opponents of its current match."""

    __slots__ = ("card", "chance", "matches", "others", "table", "total")

    def __init__(self, game: Game) -> None:
        self.table = Table(game, VECTOR)
        self.card = game.card()
        self.matches = 0
        self.others: list[Member] = []  # in seat order after the learner
        self.total = 0.0
        self.chance = generator(bytes(16))

    def member(self, seat: int) -> Member:
        return self.others[(seat - self.table.learner) % self.table.game.seats - 1]

    def against(self) -> str:
        kinds = {member.kind for member in self.others}
        return kinds.pop() if len(kinds) == 1 else "mixed"


class Tables(VecEnv):  # type: ignore[misc]
    """`games[i]` is table i's game (seat counts may differ). The learner's seat and opponents are drawn each match."""

    def __init__(self, games: Sequence[Game], pool: Pool, seed: int, scale: float = 1.0) -> None:
        spec = games[0].spec
        assert spec.vector_shape is not None
        space = gymnasium.spaces.Box(-np.inf, np.inf, spec.vector_shape, np.float32)
        self.render_mode = None
        super().__init__(len(games), space, gymnasium.spaces.Discrete(spec.actions.n))
        self.pool = pool
        self.finished: list[tuple[str, float]] = []  # (who it was against, the learner's rewards) of ended matches
        self._n = spec.actions.n
        self._seed = seed
        self._scale = scale  # of the rewards that the learner is given
        self._update = 0
        self._lanes = [_Lane(game) for game in games]
        self._seen = np.zeros((len(games), *spec.vector_shape), dtype=np.float32)
        self._masks = np.zeros((len(games), self._n), dtype=np.bool_)
        self._actions: npt.NDArray[np.int64] = np.zeros(len(games), dtype=np.int64)

    def begin(self, update: int) -> Floats:
        """Drop all matches and begin those of `update`; what the learner sees, (tables, *vector_shape)."""
        self._update = update
        self.finished = []
        for number, lane in enumerate(self._lanes):
            lane.matches = 0
            self._deal(number)
        self._play_others(range(self.num_envs), fresh=True)
        return self._look()

    def reset(self) -> Floats:
        return self.begin(self._update)

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Floats, Floats, npt.NDArray[np.bool_], list[dict[str, Any]]]:
        for lane, action in zip(self._lanes, self._actions.tolist(), strict=True):
            lane.table.answer(lane.table.learner, action)
        self._play_others(range(self.num_envs), fresh=False)
        rewards = np.zeros(self.num_envs, dtype=np.float32)
        dones = np.zeros(self.num_envs, dtype=np.bool_)
        infos: list[dict[str, Any]] = [{} for _ in self._lanes]
        for number, lane in enumerate(self._lanes):
            reward = lane.table.take_reward()
            rewards[number] = reward * self._scale
            lane.total += reward
            if not lane.table.over:
                continue
            dones[number] = True
            if lane.table.ended == "truncated":
                infos[number] = {"TimeLimit.truncated": True, "terminal_observation": lane.table.look().vector}
            self.finished.append((lane.against(), lane.total))
            self._deal(number)
        self._play_others(np.flatnonzero(dones).tolist(), fresh=True)
        return self._look(), rewards, dones, infos

    def _deal(self, number: int) -> None:
        lane = self._lanes[number]
        seed = key("ppo-match", self._seed, self._update, number, lane.matches)
        lane.matches += 1
        lane.total = 0.0
        lane.chance = generator(key("ppo-chance", seed))
        seats = lane.table.game.seats
        lane.others = self.pool.draw(lane.chance, seats - 1)
        lane.table.begin(key("ppo-deal", seed), int(lane.chance.integers(seats)))

    def _play_others(self, numbers: Iterable[int], fresh: bool) -> None:
        """Answer for the others until each of these tables waits for the learner or is over.

        fresh: these matches have just begun; one that ends before the learner is asked is dealt anew.
        """
        going = list(numbers)
        while going:
            asks: dict[int, list[tuple[_Lane, int]]] = defaultdict(list)
            nets: dict[int, Mlp] = {}
            for number in going:
                lane = self._lanes[number]
                for seat in lane.table.asked:
                    play = lane.member(seat).play
                    if isinstance(play, Mlp):
                        nets[id(play)] = play
                        asks[id(play)].append((lane, seat))
                    else:
                        seen = lane.table.game.observe(seat, play.views)
                        lane.table.answer(seat, play.play(seen, lane.card, lane.chance))
            for which, asked in asks.items():
                self._play_batch(nets[which], asked)
            if fresh:
                for number in going:
                    if self._lanes[number].table.over:
                        self._deal(number)
            going = [number for number in going if self._lanes[number].table.asked]
        if fresh:
            for number in numbers:
                self._lanes[number].table.take_reward()  # what came before the first decision is nobody's doing

    def _play_batch(self, mlp: Mlp, asked: list[tuple[_Lane, int]]) -> None:
        seen = [lane.table.game.observe(seat, VECTOR) for lane, seat in asked]
        masks = np.stack([one.mask(self._n) for one in seen])
        vectors = np.stack([one.vector for one in seen if one.vector is not None]).reshape(len(seen), -1)
        uniform = np.array([lane.chance.random() for lane, _ in asked])
        actions = sample(probabilities(mlp.batch(vectors), masks), uniform)
        for (lane, seat), action in zip(asked, actions.tolist(), strict=True):
            lane.table.answer(seat, action)

    def _look(self) -> Floats:
        self._masks[:] = False
        for number, lane in enumerate(self._lanes):
            seen = lane.table.look()
            self._seen[number] = seen.vector
            self._masks[number, list(seen.legal)] = True
        return self._seen.copy()

    # What else SB3 asks of a VecEnv.

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        if method_name != "action_masks":
            raise AttributeError(f"these tables have no method {method_name!r}")
        return list(self._masks.copy())

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        if attr_name not in ("action_masks", "render_mode"):
            raise AttributeError(f"these tables have no attribute {attr_name!r}")
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError(f"these tables have no attribute {attr_name!r}")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def close(self) -> None:
        """Nothing to release."""
