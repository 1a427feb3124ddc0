"""Stage: one game in play, as its match sees it. The game is here (LocalStage) or in a game host (arena/hosted.py).

A match asks its stage for scenes: what a reset or a step led to, and what every due seat is shown. A stage answers at
once, or returns None and the match is told later (`Match.take`, `Match.parsed`), so that a match in a slow host does
not hold up the others.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import msgspec

from arena.game import Game, GameSpec, IllegalActionError, Image, Observation, StepResult, UnparsableAnswerError, Views


class Scene(msgspec.Struct, frozen=True):
    """A moment of the game. When it was cut short, `result.returns` is its score although `ended` is "none"."""

    result: StepResult
    observations: Mapping[int, Observation] = {}  # of every due seat
    defaults: Mapping[int, int] = {}  # the action that a fault costs each due seat, if one


class Verdict(NamedTuple):
    """What a game says of an answer: an action, or a fault and what it was about."""

    action: int | None
    fault: Literal["illegal", "unparsable"] | None = None
    detail: str | None = None


class Stage(abc.ABC):
    """One game, its seats' views, and where it is played."""

    spec: GameSpec
    options: Mapping[str, Any]

    @abc.abstractmethod
    def begin(self, seed: bytes) -> Scene | None:
        """Reset the game."""

    @abc.abstractmethod
    def step(self, actions: Mapping[int, int], cut: bool) -> Scene | None:
        """Apply the actions of a tick. `cut`: nobody will be asked after it, so a score is wanted and no view is."""

    @abc.abstractmethod
    def forfeit(self, seat: int) -> Scene | None:
        """End the game because `seat` forfeits."""

    @abc.abstractmethod
    def parse(self, seat: int, answer: int | str | None) -> Verdict | None:
        """What the game makes of an answer of a due seat."""

    @abc.abstractmethod
    def late(self, last: int) -> int:
        """The game's rule for a seat whose answer is late: see Game.late."""

    @abc.abstractmethod
    def look(self, seat: int, views: Views) -> Observation:
        """What `seat` may see now, in any views, for who shows the game. Waits for a host."""

    @abc.abstractmethod
    def draw(self, height: int, width: int) -> Image:
        """The spectator's picture now. Waits for a host."""


class LocalStage(Stage):
    """A game in this process: everything is answered at once."""

    def __init__(self, game: Game, views: Sequence[Views], scaled: bool = False) -> None:
        """`views` of each seat. `scaled`: the scenes are sent on, so vectors may stand in them scaled."""
        self.spec = game.spec
        self.options = game.options
        self.game = game
        self._views = views
        self._scaled = scaled
        self._totals: list[float] = []

    def begin(self, seed: bytes) -> Scene:
        self._totals = [0.0] * self.game.seats
        return self.show(self.game.reset(seed))

    def step(self, actions: Mapping[int, int], cut: bool) -> Scene:
        return self.show(self.apply(actions, cut))

    def apply(self, actions: Mapping[int, int], cut: bool) -> StepResult:
        """The first half of `step`: what the actions led to."""
        result = self.game.step(actions)
        self._totals = [total + reward for total, reward in zip(self._totals, result.rewards, strict=True)]
        if cut and result.ended == "none":
            return replace(result, returns=self.game.score(self._totals))
        return result

    def show(self, result: StepResult) -> Scene:
        """The second half: and what the due seats are shown, unless nobody is asked any more."""
        if result.returns is not None:
            return Scene(result)
        observations = {seat: self._shown(seat, self._views[seat]) for seat in result.due}
        if self.spec.on_fault != "default":
            return Scene(result, observations)
        return Scene(result, observations, {seat: self.game.default_action(seat) for seat in result.due})

    def forfeit(self, seat: int) -> Scene:
        result = self.game.forfeit(seat)
        self._totals = [total + reward for total, reward in zip(self._totals, result.rewards, strict=True)]
        return Scene(result if result.returns is not None else replace(result, returns=self.game.score(self._totals)))

    def parse(self, seat: int, answer: int | str | None) -> Verdict:
        try:
            return Verdict(self.game.parse(seat, answer))
        except IllegalActionError as error:
            return Verdict(None, "illegal", str(error))
        except UnparsableAnswerError as error:
            return Verdict(None, "unparsable", str(error))

    def late(self, last: int) -> int:
        return self.game.late(last)

    def look(self, seat: int, views: Views) -> Observation:
        return self.game.observe(seat, views)

    def draw(self, height: int, width: int) -> Image:
        return self.game.draw(height, width)

    def _shown(self, seat: int, views: Views) -> Observation:
        scaled = self.game.scaled(seat) if self._scaled and views.vector else None
        if scaled is None:
            return self.game.observe(seat, views)
        rest = self.game.observe(seat, msgspec.structs.replace(views, vector=False))
        return msgspec.structs.replace(rest, scaled=scaled)
