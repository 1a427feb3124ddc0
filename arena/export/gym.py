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
from arena.export.views import game_of, given, shown, talk, views_of
from arena.game import Game, Observation, Views
from arena.operator import Decision
from arena.session import LocalSession
from arena.sync import SyncMatch

_DEALS = 1000  # most matches in a row that may end before the learner is asked


class SeatEnv(gymnasium.Env[npt.NDArray[Any], np.int64]):
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
        self.card = game.card()
        self._game = game
        self._views = views  # of the learner
        self._seat = seat
        self._opponents = opponents  # of the other seats, in seat order after the learner
        self._render_size = render_size
        self._first_seed = seed
        self._chance = generator(bytes(16))
        self._learner = 0
        self._match: SyncMatch | None = None
        self._seen: Observation | None = None
        self.action_space = gymnasium.spaces.Discrete(spec.actions.n)
        if views.image is not None:
            self.observation_space = gymnasium.spaces.Box(0, 255, (*views.image, 3), np.uint8)
        else:
            self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, spec.vector_shape, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """A new match, begun until the learner is asked. `seed` makes this match and all later ones repeatable.

        A match that ends before the learner is asked is not an episode: another one is dealt.
        """
        if self._first_seed is not None and seed is None:
            seed = self._first_seed
        self._first_seed = None
        super().reset(seed=None if seed is None else whole_seed(seed))
        for _ in range(_DEALS):
            match = self._deal(self.np_random.bytes(16))
            if not match.over:
                return self._look(match), self._info()
        raise ValueError(f"{self.card.game}: {_DEALS} matches in a row ended before seat {self._learner} was due")

    def step(
        self, action: np.int64 | int | str | Decision
    ) -> tuple[npt.NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Answer for the learner and go on until it is asked again.

        The reward is what the seat got since its decision before, with the first one also what came earlier: over an
        episode rewards add up to the return. An illegal action costs what it costs in a match, and info["fault"] says
        so. Where seats talk, a step also takes a text or a Decision: see `arena.export.views.given`. ValueError when
        the match is over.
        """
        match = self._match
        if match is None or match.over:
            raise ValueError("the match is over: call reset")
        match.answer(self._learner, *given(action))
        self._play_others(match)
        result = match.result
        seen, info = self._look(match), self._info()
        if fault := match.take_fault(self._learner):
            info["fault"] = fault
        if match.over:
            info["returns"] = result.returns
        reward = match.take_reward(self._learner)
        return seen, reward, result.ended != "truncated" and match.over, result.ended == "truncated", info

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Legal actions, bool (n,): what sb3-contrib's MaskablePPO asks for. All False once the match is over."""
        assert self._seen is not None, "call reset first"
        return self._seen.mask(self._game.spec.actions.n)

    def render(self) -> npt.NDArray[np.uint8] | None:
        """What a spectator is shown, uint8 (height, width, 3), with render_mode="rgb_array"."""
        return self._game.draw(*self._render_size) if self.render_mode == "rgb_array" else None

    def _deal(self, seed: bytes) -> SyncMatch:
        self._chance = generator(key("gym-opponents", seed))
        seats = self._game.seats
        self._learner = int(self._chance.integers(seats)) if self._seat is None else self._seat
        views = [self._views if seat == self._learner else self._opponent(seat).views for seat in range(seats)]
        self._match = SyncMatch(LocalSession(self._game, views), seats, key("gym-deal", seed))
        self._play_others(self._match)
        return self._match

    def _opponent(self, seat: int) -> Opponent:
        return self._opponents[(seat - self._learner) % self._game.seats - 1]

    def _play_others(self, match: SyncMatch) -> None:
        while asked := {seat: seen for seat, seen in match.waiting.items() if seat != self._learner}:
            for seat, seen in asked.items():
                match.answer(seat, self._opponent(seat).play(seen, self.card, self._chance))

    def _look(self, match: SyncMatch) -> npt.NDArray[Any]:
        """The learner's observation, when it is asked or at the end."""
        self._seen = match.waiting.get(self._learner) or match.look(self._learner, self._views)
        return shown(self._seen, self._game.spec)

    def _info(self) -> dict[str, Any]:
        assert self._seen is not None
        return {"action_mask": self.action_masks().astype(np.int8), "seat": self._learner, **talk(self._seen)}


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
    seats: of the game. seat: the learner's; None draws one for each match.
    opponents: of the other seats, in seat order after the learner: one for all of them, or one each. "random",
        "scripted", or a callable (observation, card, generator) -> action.
    options: of the game, when it is given by name or class.
    view: "vector" (Box float32 of the game's vector_shape) or "image" (Box uint8 of (*image_size, 3)).
    seed: of the first reset that is given none itself.

    Over an episode rewards add up to the seat's return. info["action_mask"] and `action_masks()` say what is legal.
    Raises InputError or UnplayableError for what cannot be.
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
