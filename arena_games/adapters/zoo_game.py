"""A PettingZoo environment as a Game. Seat i is the i-th of its possible agents.

The environment's state cannot be read, so the state hash covers all its outputs: all observations,
masks and rewards of all agents, and the actions. Pictures are drawn by a second copy of the environment that
follows the same actions, so that drawing changes nothing in the one that is played.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from arena.canonical import digest, hash_array
from arena.errors import GameError
from arena.game import Image, Move, StepResult, Vector, actions_of
from arena.options import Option
from arena_games.adapters import picture
from arena_games.adapters.base import Adapter
from arena_games.adapters.isolation import headless
from arena_games.adapters.probe import replaced
from arena_games.adapters.space_reader import SpaceReader, legal
from arena_games.adapters.zoo_drivers import EnvDriver, driver_of
from arena_games.adapters.zoo_known import Known

Frame = npt.NDArray[np.uint8]
MAX_TICKS = Option("int", 500, "ticks after which the match is truncated", 1, 1_000_000)


class ZooAdapter(Adapter):
    """One PettingZoo environment; `arena_games.adapters.zoo.make` gives the class attributes."""

    engines = ("pettingzoo", "rlcard", "chess")  # rlcard and chess implement its card games and chess
    module: ClassVar[Any]
    arguments: ClassVar[Mapping[str, Any]]
    known: ClassVar[Known]
    readers: ClassVar[tuple[SpaceReader, ...]]  # by seat
    counts: ClassVar[tuple[int, ...]]  # by seat, how many actions it has
    starts: ClassVar[tuple[int, ...]]  # by seat, the environment's number of its first action
    renders: ClassVar[bool] = False
    fresh: ClassVar[bool] = False  # only a new environment repeats itself: every match makes a new one

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        self.max_ticks = int(self.options["max_ticks"])
        if self.max_ticks < self.spec.horizon:
            self.spec = replaced(self.spec, horizon=self.max_ticks)
        self.driver: EnvDriver | None = None
        self.copy: EnvDriver | None = None  # what is drawn
        self._shown = -1  # steps that the copy has followed; -1: it was not reset yet
        self._frame: Frame | None = None  # the copy's picture at that step
        self._seed = b""
        self._log: list[dict[str, int]] = []  # the environment's actions, by agent
        self._chain = ""
        self._legal: dict[int, tuple[int, ...]] = {}
        self._numbers: Mapping[int, int] = {}  # the environment's action by the arena's, where they differ
        self._totals = [0.0] * seats
        self._vectors: list[Vector] = []
        self._over = False

    # Stepping the environment.

    def reset(self, seed: bytes) -> StepResult:
        if self.driver is None or self.fresh:
            self.driver, self.copy = driver_of(self.module, self.arguments), None
        self._seed, self._log, self._shown = bytes(seed), [], -1
        self._totals, self._over = [0.0] * self.seats, False
        self._chain = digest("reset")
        self.driver.reset(self._seed)
        self._look()
        if not self._legal:
            raise GameError("nobody can act after the reset")
        return StepResult.going(self.waiting_for(), (0.0,) * self.seats, self._chain)

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        self.check(actions)
        driver, said = self._driver(), self.said(actions)
        acted = {}
        for seat, action in sorted(actions.items()):
            number = self._numbers[action] if self.known.legal else action
            acted[driver.agents[seat]] = number + self.starts[seat]
        self._log.append(acted)
        driver.step(acted)
        rewards = tuple(driver.rewards.get(agent, 0.0) for agent in driver.agents)
        self._totals = [total + reward for total, reward in zip(self._totals, rewards, strict=True)]
        self._chain = digest(self._chain, sorted(actions.items()), rewards)
        self._over = driver.over
        self._look()
        if driver.over:
            ended = any(driver.terminated.values()) or not any(driver.truncated.values())
            how = StepResult.terminated if ended else StepResult.truncated
            return how(rewards, self._totals, self._chain, said)
        if len(self._log) >= self.spec.horizon:
            self._over, self._legal = True, {}
            return StepResult.truncated(rewards, self._totals, self._chain, said)
        return StepResult.going(self.waiting_for(), rewards, self._chain, said)

    def _look(self) -> None:
        """Copy the environment's outputs."""
        driver = self._driver()
        width = self.spec.vector_shape[0] if self.spec.vector_shape else 0
        hashes = []
        self._vectors = []
        for agent, reader in zip(driver.agents, self.readers, strict=True):
            given = driver.given.get(agent)
            if given is None:  # the agent has not joined yet
                self._vectors.append(np.zeros(width, np.float32))
                hashes.append("")
            elif reader.pixels:
                hashes.append(hash_array(np.asarray(reader.unmasked(given))))
            elif width:
                self._vectors.append(reader.vector(given, width))
                hashes.append(hash_array(self._vectors[-1]))
            else:
                hashes.append(digest(reader.words(given)))
        due = [] if self._over else [driver.agents.index(agent) for agent in driver.due()]
        if self.known.legal:
            self._numbers = self.known.legal(driver.env) if due else {}
            self._legal = dict.fromkeys(due, tuple(sorted(self._numbers)))
        else:
            self._legal = {seat: self._masked(seat) for seat in due}
        self._chain = digest(self._chain, hashes, sorted(self._legal.items()))

    def _masked(self, seat: int) -> tuple[int, ...]:
        driver = self._driver()
        agent = driver.agents[seat]
        if agent not in driver.given:
            raise GameError(f"{agent} must act, but was given no observation")
        return legal(driver.given[agent], driver.infos.get(agent, {}), self.counts[seat], agent)

    def _driver(self) -> EnvDriver:
        if self.driver is None:
            raise ValueError(f"{self.spec.id}: call reset before anything else")
        return self.driver

    # Due seats, and the end.

    def legal(self, seat: int) -> tuple[int, ...]:
        return self._legal.get(seat, ())

    def waiting_for(self) -> tuple[int, ...]:
        return tuple(sorted(self._legal))

    def seats_out(self) -> tuple[int, ...]:
        driver = self._driver()
        return tuple(seat for seat, agent in enumerate(driver.agents) if driver.dead(agent))

    def forfeit(self, seat: int) -> StepResult:
        """`seat` gets the least return that the game can give. In a zero-sum game the others share its loss; in a
        cooperative one they lose the same."""
        if not self._legal:
            raise ValueError(f"{self.spec.id}: the match is over, nobody can forfeit")
        if self.known.zero_sum:
            others = [self.known.stake / max(1, self.seats - 1)] * self.seats
            least = -self.known.stake
        else:
            least = min(0.0, *self._totals) if self.seats > 1 else 0.0
            others = [least] * self.seats
        returns = [least if at == seat else others[at] for at in range(self.seats)]
        rewards = [now - then for now, then in zip(returns, self._totals, strict=True)]
        self._totals, self._legal, self._over = returns, {}, True
        self._chain = digest(self._chain, "forfeit", seat)
        return StepResult.terminated(rewards, returns, self._chain, (f"seat {seat} forfeits",))

    def default_action(self, seat: int) -> int:
        """The first legal action, in an environment whose least return is not known; else None."""
        return self.legal(seat)[0]

    # Views.

    def vector(self, seat: int) -> Vector:
        return self._vectors[seat].copy()

    def seen(self, seat: int) -> dict[str, str]:
        driver = self._driver()
        agent = driver.agents[seat]
        given = driver.given.get(agent)
        if given is None:
            return {"observation": "You are not in the game yet.", "agent": agent, "move": str(len(self._log) + 1)}
        facts = self.known.words(driver.env, given, seat) if self.known.words else {}
        return {
            "observation": self.readers[seat].words(given),
            **facts,
            "agent": agent,
            "move": str(len(self._log) + 1),
        }

    def elsewise(self, seat: int, answer: str) -> int | None:
        return self.known.read(self._driver().env, answer) if self.known.read and self._legal else None

    def image(self, seat: int, height: int, width: int) -> Image:
        reader = self.readers[seat]
        if reader.pixels:
            driver = self._driver()
            given = driver.given.get(driver.agents[seat])
            if given is None:
                return picture.of_text("not in the game yet", height, width)
            return picture.fitted(reader.unmasked(given), height, width)
        return self.draw(height, width)

    def draw(self, height: int, width: int) -> Image:
        frame = self._rendered() if self.renders else None
        if frame is None:
            return picture.of_text(f"{self.spec.id}\ntick {len(self._log)}\n(no picture)", height, width)
        return picture.fitted(frame, height, width)

    def _rendered(self) -> Frame | None:
        if self._shown == len(self._log):
            return self._frame
        with headless():
            if self.copy is None:
                self.copy = driver_of(self.module, self.arguments, pictures=True)
            if self._shown < 0:
                self.copy.reset(self._seed)
                self._shown = 0
            for acted in self._log[self._shown :]:
                self.copy.step(acted)
            self._shown = len(self._log)
            frame = self.copy.render()
        self._frame = None if frame is None else np.array(frame, np.uint8)  # it may be the environment's own buffer
        return self._frame

    def clone(self) -> Self:
        """An independent copy: a new environment that follows the same actions."""
        other = type(self)(self.seats, self.options)
        if self.driver is None:
            return other
        other.reset(self._seed)
        for acted in self._log:
            assert other.driver is not None
            other.driver.step(acted)
        other._log = [dict(acted) for acted in self._log]
        other._totals, other._over = list(self._totals), self._over
        other._look()
        other._chain, other._legal = self._chain, dict(self._legal)
        return other
