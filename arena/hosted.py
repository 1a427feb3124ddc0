"""A session whose game is in a game host: the arena's end of OPEN_GAME, STEP, PARSE and OBSERVE (docs/protocol.md).

The game's class is here all the same, for what does not depend on a match: its spec, its options, and whether it
parses answers in a way of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from arena.channel import Channel
from arena.errors import GameError, ProtocolError
from arena.game import Game, IllegalActionError, Image, Move, Observation, TimeStep, UnparsableAnswerError, Views
from arena.match import Match
from arena.protocol import messages as m
from arena.results import check_move, check_observation, check_out, check_result
from arena.session import GameSession, ParseResult

HostRequest = m.OpenGame | m.Step | m.Parse | m.Observe
Reply = m.Stepped | m.Parsed | m.Observed


@dataclass(slots=True)
class _Call:
    """One request under way."""

    wanted: type[Reply]
    sent: float
    seat: int | None = None
    last: bool = False  # the STEP that ends the match: no views are needed
    views: Views = field(default_factory=Views)  # that an OBSERVE asks for


class HostedSession(GameSession):
    """One match's game in the host behind `channel`. `reply` passes the host's messages to the match."""

    def __init__(
        self,
        game: Game,
        name: str,
        views: Sequence[Views],
        match: int,
        channel: Channel,
        ids: Iterator[int],
        wait: Callable[[HostedSession], None] | None = None,
    ) -> None:
        """`game` is a new one of the same seats and options, never reset; `name` as plugins know it.

        `ids` never repeat for one channel. `wait(session)` returns when `session.idle`; without it nothing can be
        shown.
        """
        self._game = game
        self.spec = game.spec
        self.options = game.recorded_options
        self.channel = channel
        self._seats = game.seats
        self._name = name
        self._views = list(views)
        self._match = match
        self._ids = ids
        self._wait = wait
        self._own_parser = type(game).parse is not Game.parse
        self._asked: Mapping[int, Observation] = {}
        self._calls: dict[int, _Call] = {}
        self._observed: Observation | None = None

    # --- what the match asks ---------------------------------------------------------------------------------------

    def begin(self, seed: bytes) -> None:
        ask = m.OpenGame(
            id=next(self._ids),
            match=self._match,
            game=self._name,
            seats=self._seats,
            options=dict(self._game.options),
            views=self._views,
            seed=seed,
        )
        self._call(ask, m.Stepped)

    def step(self, moves: Mapping[int, Move], cut: bool) -> None:
        ask = m.Step(id=next(self._ids), match=self._match, moves=list(moves.items()), cut=cut)
        self._call(ask, m.Stepped, last=cut)

    def forfeit(self, seat: int) -> None:
        self._call(m.Step(id=next(self._ids), match=self._match, forfeit=seat), m.Stepped, last=True)

    @property
    def own_parser(self) -> bool:
        """Whether the game parses answers by itself, so that its host has to be asked."""
        return self._own_parser

    def parse(self, seat: int, answer: int | str | None) -> ParseResult | None:
        if self._own_parser:
            self._call(m.Parse(id=next(self._ids), match=self._match, seat=seat, answer=answer), m.Parsed, seat=seat)
            return None
        seen = self._asked[seat]
        try:
            return ParseResult(self._game.read(seen.legal, answer, seen.free_text))
        except IllegalActionError as error:
            return ParseResult(None, "illegal", str(error))
        except UnparsableAnswerError as error:
            return ParseResult(None, "unparsable", str(error))

    def late(self, last: int) -> int:
        return self._game.late(last)

    def look(self, seat: int, views: Views) -> Observation:
        return self._show(seat, views)

    def draw(self, height: int, width: int) -> Image:
        image = self._show(None, Views(image=(height, width))).image
        assert image is not None
        return image

    # --- what the host says ----------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return not self._calls

    @property
    def since(self) -> float | None:
        """When the oldest request under way was sent, as time.monotonic gives it."""
        return min((call.sent for call in self._calls.values()), default=None)

    def reply(self, match: Match | None, message: Reply) -> bool:
        """Pass on a message of the host; False if it was not asked for. Raises ProtocolError if it is invalid."""
        call = self._calls.get(message.id)
        wrong = call is None or type(message) is not call.wanted or message.match != self._match
        if wrong or message.session != self.channel.session:
            return False
        assert call is not None
        if isinstance(message, m.Parsed) and message.seat != call.seat:
            return False
        del self._calls[message.id]
        match message:
            case m.Stepped():
                time_step = self._checked(message.time_step, call)
                self._asked = dict(zip(time_step.result.due, time_step.observations, strict=False))
                self._take(match, time_step)
            case m.Parsed():
                self._check_parsed(message)
                if match is not None:
                    match.parsed(message.seat, ParseResult(message.move, message.fault, message.detail))
            case m.Observed():
                self._check(message.observation, call.views, "an OBSERVED", due=False)
                self._observed = message.observation
        return True

    def wait_idle(self) -> None:
        """Wait until the host has answered everything."""
        if self._wait is not None and not self.idle:
            self._wait(self)

    def close(self) -> None:
        """Release the game in the host."""
        self._calls.clear()
        self.channel.send(m.CloseGame(match=self._match))

    # --- small things ----------------------------------------------------------------------------------------------

    def _call(self, ask: HostRequest, wanted: type[Reply], **facts: Any) -> None:
        self._calls[ask.id] = _Call(wanted, time.monotonic(), **facts)
        self.channel.send(ask)

    def _show(self, seat: int | None, views: Views) -> Observation:
        if self._wait is None:
            raise RuntimeError("nothing is shown while a match is played: re-execution shows it")
        self._call(m.Observe(id=next(self._ids), match=self._match, seat=seat, views=views), m.Observed, views=views)
        self._wait(self)
        assert self._observed is not None
        return self._observed

    def _take(self, match: Match | None, time_step: TimeStep) -> None:
        if match is not None:
            match.take(time_step)

    def _checked(self, time_step: TimeStep, call: _Call) -> TimeStep:
        """ProtocolError for one that cannot be: a host is another process, perhaps of another make."""
        try:
            result = check_result(time_step.result, self._seats)
            check_out(time_step.out, result.due, self._seats)
        except GameError as error:
            raise ProtocolError(f"a STEPPED that cannot be: {error}") from None
        shown, due = time_step.observations, result.due
        if len(shown) != len(due) and (shown or result.returns is None or not call.last):
            raise ProtocolError(f"a STEPPED that shows {len(shown)} seats, but {list(due)} are due")
        if len(time_step.defaults) != (len(shown) if self.spec.on_fault == "default" else 0):
            raise ProtocolError("a STEPPED whose defaults are not those of the seats that are shown something")
        for seat, observation in zip(due, shown, strict=False):  # there may be none
            self._check(observation, self._views[seat], "a STEPPED", due=True)
        return msgspec.structs.replace(time_step, result=result)

    def _check_parsed(self, message: m.Parsed) -> None:
        if (message.move is None) == (message.fault is None):
            raise ProtocolError("a PARSED has a move or a fault, not both or neither")
        if message.move is not None:
            seen = self._asked.get(message.seat, Observation())
            try:
                check_move("its move", message.move, seen.legal, seen.free_text)
            except GameError as error:
                raise ProtocolError(f"a PARSED that cannot be: {error}") from None

    def _check(self, seen: Observation, views: Views, who: str, *, due: bool) -> None:
        """ProtocolError unless `seen` is what a seat may be shown."""
        try:
            check_observation(seen, self.spec, views, due=due)
        except GameError as error:
            raise ProtocolError(f"{who} that cannot be: {error}") from None
