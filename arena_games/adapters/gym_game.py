"""A Gymnasium environment as a Game: every seat plays its own copy, from the same start, at the same ticks.

The environment's state cannot be read, so the state hash covers all its outputs: all observations,
masks and rewards of all lanes, and the actions. A lane that is over waits until all are. Pictures are drawn by
second copies that follow the same actions.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import gymnasium
import numpy as np
import numpy.typing as npt

from arena.canonical import digest, hash_array
from arena.errors import GameError
from arena.game import Image, Move, StepResult, Vector, actions_of, moves_of
from arena_games.adapters import picture
from arena_games.adapters.base import Adapter
from arena_games.adapters.gym_known import Known
from arena_games.adapters.isolation import IsolatedRandom, headless
from arena_games.adapters.probe import replaced
from arena_games.adapters.space_reader import SpaceReader, legal, number

API = "as Gymnasium has it since 0.26 (the package shimmy wraps older environments)"
GIVEN = {2: "(observation, info)", 5: "(observation, reward, terminated, truncated, info)"}


class Lane:
    """One copy of the environment, isolated from the global random generators."""

    def __init__(self, make: Mapping[str, Any], *, pictures: bool = False) -> None:
        how = {"disable_env_checker": True, **make, **({"render_mode": "rgb_array"} if pictures else {})}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on versions and spaces
            self.env = gymnasium.make(**how)
        self.given: Any = None
        self.info: Mapping[str, Any] = {}
        self.total, self.reward = 0.0, 0.0
        self.terminated = self.truncated = False
        self._random = IsolatedRandom()

    @property
    def over(self) -> bool:
        return self.terminated or self.truncated

    def reset(self, seed: bytes) -> None:
        """Start again from `seed`, 16 bytes (the environment itself gets 31 bits of them)."""
        self._random.seed(seed)
        parameters = inspect.signature(self.env.unwrapped.reset).parameters.values()
        if not any(one.name == "seed" or one.kind is one.VAR_KEYWORD for one in parameters):
            raise GameError(f"its reset takes no seed; expected reset(*, seed=None, options=None), {API}")
        given, self.info = self._called(2, lambda: self.env.reset(seed=int.from_bytes(seed[:4], "little") >> 1))
        self._take(given)
        self.total, self.reward, self.terminated, self.truncated = 0.0, 0.0, False, False

    def step(self, action: int) -> None:
        given, reward, terminated, truncated, self.info = self._called(5, lambda: self.env.step(action))
        self._take(given)
        self.reward = number(reward, "the reward")
        self.total += self.reward
        self.terminated, self.truncated = bool(terminated), bool(truncated)

    def render(self) -> npt.NDArray[np.uint8] | None:
        with self._random.isolated():
            frame = self.env.render()
        return None if frame is None else np.array(frame, np.uint8)

    def close(self) -> None:
        """Release what the environment holds; errors are ignored, since the match is over."""
        with contextlib.suppress(Exception), self._random.isolated():
            self.env.close()

    def _called(self, count: int, call: Callable[[], Any]) -> tuple[Any, ...]:
        """Returns the `count` values that a reset or a step gives; the last is the info."""
        try:
            with self._random.isolated():
                out = call()
        except ValueError as error:
            if "to unpack" not in str(error):  # as wrappers of Gymnasium fail over another API
                raise
            raise GameError(f"its reset or step gives other values than {GIVEN[count]}, {API}: {error}") from error
        if not isinstance(out, tuple) or len(out) != count or not isinstance(out[-1], Mapping):
            found = f"{len(out)} values" if isinstance(out, tuple) else f"a {type(out).__name__}"
            raise GameError(f"it gave {found}; expected {GIVEN[count]}, {API}")
        return out

    def _take(self, given: Any) -> None:
        self.given = given.copy() if isinstance(given, np.ndarray) else given  # it may be the live buffer


class LanesAdapter(Adapter):
    """Lanes of one Gymnasium environment; `arena_games.adapters.gym.make` gives the class attributes."""

    engines = ("gymnasium",)
    make: ClassVar[Mapping[str, Any]]  # keyword arguments of gymnasium.make
    known: ClassVar[Known]
    reader: ClassVar[SpaceReader]
    start: ClassVar[int] = 0  # the environment's number of its first action
    renders: ClassVar[bool] = False
    fresh: ClassVar[bool] = False  # only a new environment repeats itself: every match makes new ones

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(seats, options)
        if int(self.options["max_ticks"]) < self.spec.horizon:
            self.spec = replaced(self.spec, horizon=int(self.options["max_ticks"]))
        self.lanes: list[Lane] = []
        self.copies: list[Lane] = []  # what is drawn
        self._shown = -1  # ticks that the copies have followed; -1: they were not reset yet
        self._frames: list[npt.NDArray[np.uint8] | None] = []
        self._seed = b""
        self._log: list[dict[int, int]] = []
        self._chain = ""
        self._legal: dict[int, tuple[int, ...]] = {}

    def reset(self, seed: bytes) -> StepResult:
        if self.fresh:
            for lane in (*self.lanes, *self.copies):
                lane.close()
            self.lanes, self.copies = [], []
        if not self.lanes:
            self.lanes = [Lane(self.make) for _ in range(self.seats)]
        self._seed, self._log, self._shown = bytes(seed), [], -1
        for lane in self.lanes:
            lane.reset(self._seed)
        self._chain = digest("reset")
        self._look(range(self.seats))
        return StepResult.going(self.waiting_for(), (0.0,) * self.seats, self._chain)

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        actions = actions_of(moves)
        self.check(actions)
        said = self.said(actions)
        acted = dict(sorted(actions.items()))
        self._log.append(acted)
        for seat, action in acted.items():
            self.lanes[seat].step(action + self.start)
        rewards = tuple(lane.reward if seat in acted else 0.0 for seat, lane in enumerate(self.lanes))
        self._chain = digest(self._chain, list(acted.items()), rewards)
        self._look(acted)
        returns = tuple(lane.total for lane in self.lanes)
        said += tuple(f"lane {seat} is over" for seat in acted if self.lanes[seat].over)
        if all(lane.over for lane in self.lanes):
            how = StepResult.terminated if all(lane.terminated for lane in self.lanes) else StepResult.truncated
            return how(rewards, returns, self._chain, said)
        if len(self._log) >= self.spec.horizon:
            self._legal = {}
            return StepResult.truncated(rewards, returns, self._chain, said)
        return StepResult.going(self.waiting_for(), rewards, self._chain, said)

    def _look(self, moved: Any) -> None:
        """Hash the outputs of the lanes that moved, and update the legal actions of each lane."""
        hashes = []
        for seat in moved:
            lane = self.lanes[seat]
            hashes.append(self._given(seat))
            if not lane.over:
                self._legal[seat] = legal(lane.given, lane.info, self.spec.actions.n, f"lane {seat}")
        self._legal = {seat: self._legal[seat] for seat, lane in enumerate(self.lanes) if not lane.over}
        self._chain = digest(self._chain, hashes, sorted(self._legal.items()))

    def _given(self, seat: int) -> str:
        """The hash of a lane's outputs."""
        lane = self.lanes[seat]
        if self.reader.pixels:
            return hash_array(np.asarray(self.reader.unmasked(lane.given)))
        return hash_array(self.vector(seat)) if self.reader.size else digest(self.reader.words(lane.given))

    def legal(self, seat: int) -> tuple[int, ...]:
        return self._legal.get(seat, ())

    def waiting_for(self) -> tuple[int, ...]:
        return tuple(sorted(self._legal))

    def seats_out(self) -> tuple[int, ...]:
        return tuple(seat for seat, lane in enumerate(self.lanes) if lane.over)

    def default_action(self, seat: int) -> int:
        """The first legal action: a fault costs the seat one tick of its own lane and does not touch the others."""
        return self.legal(seat)[0]

    # Views.

    def vector(self, seat: int) -> Vector:
        return self.reader.vector(self.lanes[seat].given, self.reader.size)

    def seen(self, seat: int) -> dict[str, str]:
        lane = self.lanes[seat]
        said = self.known.words
        words = said(lane.env, lane.given) if said else self.reader.words(lane.given, self.known.labels)
        return {
            "observation": words,
            "reward": f"{lane.reward:g}",
            "total": f"{lane.total:g}",
            "move": str(len(self._log) + 1),
            "lane": "over" if lane.over else "running",
        }

    def text(self, facts: Mapping[str, str]) -> str:
        turn = f"Legal actions: {facts['actions']}." if facts["actions"] else f"Your lane is {facts['lane']}."
        return "\n".join([f"Reward so far: {facts['total']}.", facts["observation"], turn])

    def image(self, seat: int, height: int, width: int) -> Image:
        if self.reader.pixels:
            return picture.fitted(self.reader.unmasked(self.lanes[seat].given), height, width)
        frame = self._rendered()[seat]
        if frame is None:
            return picture.of_text(f"{self.spec.id}: no picture", height, width)
        return picture.fitted(frame, height, width)

    def draw(self, height: int, width: int) -> Image:
        """All lanes side by side, in rows."""
        across = math.ceil(math.sqrt(self.seats))
        down = math.ceil(self.seats / across)
        out = np.zeros((height, width, 3), np.uint8)
        for seat in range(self.seats):
            row, column = divmod(seat, across)
            top, bottom = row * height // down, (row + 1) * height // down
            left, right = column * width // across, (column + 1) * width // across
            frame = self._rendered()[seat] if self.renders else None
            out[top:bottom, left:right] = (
                picture.of_text(f"lane {seat}\n{self.facts(seat)['observation']}", bottom - top, right - left)
                if frame is None
                else picture.fitted(frame, bottom - top, right - left)
            )
        return out

    def _rendered(self) -> list[npt.NDArray[np.uint8] | None]:
        if self._shown == len(self._log):
            return self._frames
        with headless():
            if not self.copies:
                self.copies = [Lane(self.make, pictures=True) for _ in range(self.seats)]
            if self._shown < 0:
                for lane in self.copies:
                    lane.reset(self._seed)
                self._shown = 0
            for acted in self._log[self._shown :]:
                for seat, action in acted.items():
                    self.copies[seat].step(action + self.start)
            self._shown = len(self._log)
            self._frames = [lane.render() for lane in self.copies]
        return self._frames

    def clone(self) -> Self:
        """An independent copy: new environments that follow the same actions."""
        other = type(self)(self.seats, self.options)
        if self.lanes:
            other.reset(self._seed)
            for acted in self._log:
                other.step(moves_of(acted))
        return other
