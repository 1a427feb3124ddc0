"""A Gymnasium environment of one seat of a game; the other seats are played by opponents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from arena.canonical import generator, key, whole_seed
from arena.errors import InputError
from arena.export.opponents import Opponent, Play, opponent
from arena.export.table import Table
from arena.export.views import game_of, views_of
from arena.game import Game, Views

_DEALS = 1000  # matches that may end before the learner is asked once, in a row


class SeatEnv(gymnasium.Env[npt.NDArray[Any], np.int64]):  # type: ignore[misc]
    """See `to_gymnasium`. One episode is one match; a step is one decision of the learner."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 - Gymnasium's name and shape

    def __init__(
        self,
        game: Game,
        opponents: Sequence[Opponent],
        seat: int | None,
        views: Views,
        render_size: tuple[int, int],
        seed: int | None,
        render_mode: str | None,
    ) -> None:
        spec = game.spec
        self.render_mode = render_mode
        self.table = Table(game, views)
        self.card = game.card()
        self._seat = seat
        self._opponents = opponents  # of the other seats, in seat order after the learner
        self._render_size = render_size
        self._first_seed = seed
        self._chance = generator(bytes(16))
        self.action_space = gymnasium.spaces.Discrete(spec.actions.n)
        if views.image is not None:
            self.observation_space = gymnasium.spaces.Box(0, 255, (*views.image, 3), np.uint8)
        else:
            self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, spec.vector_shape, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """A new match, begun until the learner is asked. `seed` makes this match and all later ones repeatable."""
        if self._first_seed is not None and seed is None:
            seed = self._first_seed
        self._first_seed = None
        super().reset(seed=None if seed is None else whole_seed(seed))
        for _ in range(_DEALS):
            self._deal(self.np_random.bytes(16))
            if not self.table.over:
                self.table.reward = 0.0  # what came before the first decision is nobody's doing
                return self._see(), self._info()
        raise ValueError(f"{self.card.game}: {_DEALS} matches in a row ended before seat {self.table.learner} was due")

    def step(self, action: np.int64 | int) -> tuple[npt.NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Answer for the learner and go on until it is asked again.

        An illegal action is a fault: the game's default action is played, or the match is forfeited, as in the arena;
        info["fault"] is then "illegal".
        """
        if self.table.over:
            raise ValueError("the match is over: call reset")
        self.table.answer(self.table.learner, int(action))
        fault = self.table.fault
        self._play_others()
        ended = self.table.ended
        info = self._info()
        if fault:
            info["fault"] = "illegal"
        if self.table.returns is not None:
            info["returns"] = self.table.returns
        return self._see(), self.table.take_reward(), ended == "terminated", ended == "truncated", info

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Legal actions, bool (n,): what sb3-contrib's MaskablePPO asks for. All False once the match is over."""
        return self.table.look().mask(int(self.action_space.n))

    def render(self) -> npt.NDArray[np.uint8] | None:
        """What a spectator is shown, uint8 (height, width, 3), with render_mode="rgb_array"."""
        return self.table.game.draw(*self._render_size) if self.render_mode == "rgb_array" else None

    def _deal(self, seed: bytes) -> None:
        self._chance = generator(key("gym-opponents", seed))
        seats = self.table.game.seats
        learner = int(self._chance.integers(seats)) if self._seat is None else self._seat
        self.table.begin(key("gym-deal", seed), learner)
        self._play_others()

    def _play_others(self) -> None:
        table = self.table
        while asked := table.asked:
            for seat in asked:
                who = self._opponents[(seat - table.learner) % table.game.seats - 1]
                seen = table.game.observe(seat, who.views)
                table.answer(seat, who.play(seen, self.card, self._chance))

    def _see(self) -> npt.NDArray[Any]:
        seen = self.table.look()
        out = seen.vector if self.table.views.image is None else seen.image
        assert out is not None
        return out.copy()

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self.action_masks().astype(np.int8), "seat": self.table.learner}


def to_gymnasium(
    game: str | type[Game] | Callable[[int], Game],
    seats: int = 2,
    *,
    seat: int | None = None,
    opponents: str | Opponent | Play | Sequence[str | Opponent | Play] = "random",
    options: Mapping[str, Any] | None = None,
    view: str = "vector",
    image_size: tuple[int, int] | None = None,
    render_size: tuple[int, int] = (600, 960),
    render_mode: str | None = None,
    seed: int | None = None,
) -> SeatEnv:
    """A Gymnasium environment of one seat of `game`.

    game: a game's name (`leduc`, `openspiel:hanabi`, `./rps.py:Rps`), a Game class, or a callable that makes the game
        for a number of seats.
    seats: at the table. seat: the learner's; None draws it anew each match.
    opponents: of the other seats, in seat order after the learner: one for all of them, or one each. "random",
        "scripted", or a callable (observation, card, generator) -> action.
    options: of the game, when it is given by name or class.
    view: "vector" (Box float32 of the game's vector_shape) or "image" (Box uint8 of (*image_size, 3)).
    seed: of the first reset that is given none itself.

    The reward of a step is the sum of the seat's rewards until it is asked again. info["action_mask"] and
    `action_masks()` say what is legal. Raises InputError or UnplayableError for what cannot be.
    """
    made = game_of(game, seats, options)
    spec = made.spec
    if seat is not None and not 0 <= seat < made.seats:
        raise InputError(f"{spec.id} with {made.seats} seats has seats 0 to {made.seats - 1}, not {seat}")
    if isinstance(opponents, (str, Opponent)) or callable(opponents):
        opponents = [opponents] * (made.seats - 1)
    others = list(opponents)
    if len(others) != made.seats - 1:
        raise InputError(f"{made.seats} seats need {made.seats - 1} opponents (or one for all), not {len(others)}")
    return SeatEnv(
        made,
        [opponent(what, type(made)) for what in others],
        seat,
        views_of(made, view, image_size),
        render_size,
        seed,
        render_mode,
    )
