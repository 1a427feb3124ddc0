"""GameSession: one game in play, as its match sees it: here (LocalSession) or in a game host (arena/hosted.py).

A match asks its session for a TimeStep: what a reset or a step led to, and what every due seat is shown. A session
answers at once, or returns None and the match is told later (`Match.take`, `Match.parsed`), so that a match in a slow
host does not hold up the others.
"""

from __future__ import annotations

import abc
import functools
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Concatenate, Literal, NamedTuple, ParamSpec, TypeVar

from arena import failure, plain
from arena.errors import GameError
from arena.game import (
    Game,
    GameSpec,
    IllegalActionError,
    Image,
    Move,
    Observation,
    StepResult,
    TimeStep,
    UnparsableAnswerError,
    Views,
)
from arena.results import (
    check_action,
    check_move,
    check_observation,
    check_out,
    check_picture,
    check_result,
    check_scores,
)

P = ParamSpec("P")
T = TypeVar("T")


class ParseResult(NamedTuple):
    """The result of parsing an answer: a move, or a fault with its reason."""

    move: Move | None
    fault: Literal["illegal", "unparsable"] | None = None
    detail: str | None = None


class GameSession(abc.ABC):
    """One game, its seats' views, and where it is played."""

    spec: GameSpec
    options: Mapping[str, Any]  # as in the log

    @abc.abstractmethod
    def begin(self, seed: bytes) -> TimeStep | None:
        """Reset the game."""

    @abc.abstractmethod
    def step(self, moves: Mapping[int, Move], cut: bool) -> TimeStep | None:
        """Apply the moves of a tick. `cut`: the match ends after it, so its score is needed and no view."""

    @abc.abstractmethod
    def forfeit(self, seat: int) -> TimeStep | None:
        """End the game because `seat` forfeits."""

    @abc.abstractmethod
    def parse(self, seat: int, answer: int | str | None) -> ParseResult | None:
        """Parse the answer of a due seat."""

    @abc.abstractmethod
    def late(self, last: int) -> int:
        """The game's rule for a seat whose answer is late: see Game.late."""

    @abc.abstractmethod
    def look(self, seat: int, views: Views) -> Observation:
        """Returns what `seat` may see now, in any views, for display. Waits for a host."""

    @abc.abstractmethod
    def draw(self, height: int, width: int) -> Image:
        """Returns the current picture for spectators. Waits for a host."""


def _contained(
    method: Callable[Concatenate[LocalSession, P], T],
) -> Callable[Concatenate[LocalSession, P], T]:
    """The boundary to a game's code: whatever it raises becomes a GameError, which ends one match."""

    @functools.wraps(method)
    def call(self: LocalSession, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except GameError:
            raise
        except (Exception, SystemExit) as error:
            raise GameError(failure.told(error)) from error

    return call  # type: ignore[return-value]


class LocalSession(GameSession):
    """A game in this process: everything is answered at once.

    GameError when the game's code raises, or gives what no game may give; the game is of no use afterwards.
    """

    def __init__(self, game: Game, views: Sequence[Views]) -> None:
        """`views` of each seat."""
        self.spec = game.spec
        self.options = game.recorded_options
        self.game = game
        self._views = views
        self._totals: list[float] = []
        self._asked: dict[int, Observation] = {}

    @_contained
    def begin(self, seed: bytes) -> TimeStep:
        self._totals = [0.0] * self.game.seats
        return self._time_step(self._checked(self.game.reset(seed)))

    @_contained
    def step(self, moves: Mapping[int, Move], cut: bool) -> TimeStep:
        result = self._checked(self.game.step(moves))
        return self._time_step(self._scored(result) if cut and result.ended == "none" else result)

    def _time_step(self, result: StepResult) -> TimeStep:
        """The result, with the observations of the due seats unless the match is over."""
        if result.returns is not None:
            return TimeStep(result)
        self._asked = {seat: self._shown(seat) for seat in result.due}
        observations = tuple(self._asked.values())
        out = check_out(self.game.seats_out(), result.due, self.game.seats)
        if self.spec.on_fault != "default":
            return TimeStep(result, observations, out=out)
        defaults = tuple(
            check_action(f"the default action of seat {seat}", self.game.default_action(seat), seen.legal)
            for seat, seen in self._asked.items()
        )
        return TimeStep(result, observations, defaults, out)

    @_contained
    def forfeit(self, seat: int) -> TimeStep:
        result = check_result(self.game.forfeit(seat), self.game.seats)
        self._add(result)
        return TimeStep(result if result.returns is not None else self._scored(result))

    @_contained
    def parse(self, seat: int, answer: int | str | None) -> ParseResult:
        try:
            move = self.game.parse(seat, answer)
        except IllegalActionError as error:
            return ParseResult(None, "illegal", str(error))
        except UnparsableAnswerError as error:
            return ParseResult(None, "unparsable", str(error))
        seen = self._asked.get(seat, Observation(()))
        return ParseResult(check_move("what parse gave", move, seen.legal, seen.free_text))

    @_contained
    def late(self, last: int) -> int:
        return self.game.late(last)

    @_contained
    def look(self, seat: int, views: Views) -> Observation:
        return check_observation(self.game.observe(seat, views), self.spec, views, due=False)

    def draw(self, height: int, width: int) -> Image:
        """Returns the spectator's picture. If the game fails to draw it, it shows the error; the match goes on."""
        try:
            return check_picture(self.game.draw(height, width), height, width)
        except Exception as error:
            traceback.print_exc()
            why = str(error) if isinstance(error, GameError) else failure.told(error)
            return plain.sheet([self.spec.summary, "", "no picture:", why], height, width)

    def _checked(self, result: StepResult) -> StepResult:
        """Checks the result of a reset or a step, and adds up its rewards."""
        result = check_result(result, self.game.seats)
        if result.ended == "none" and result.returns is not None:
            raise GameError(f"the match goes on, but has returns {result.returns}")
        self._add(result)
        return result

    def _add(self, result: StepResult) -> None:
        self._totals = [total + reward for total, reward in zip(self._totals, result.rewards, strict=True)]

    def _scored(self, result: StepResult) -> StepResult:
        return replace(result, returns=check_scores("scores", self.game.score(self._totals), self.game.seats))

    def _shown(self, seat: int) -> Observation:
        views = self._views[seat]
        return check_observation(self.game.observe(seat, views), self.spec, views, due=True)
