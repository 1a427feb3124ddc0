"""The game host's side of the protocol, without I/O: many games of any kind in one process, each asked by its match.

Like arena/host.py: `receive` is quick, `work` runs what was queued on the games and may take long.
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager

from arena import failure
from arena.errors import GameError, InputError, ProtocolError
from arena.game import Game, Observation, Views
from arena.plugins import game_class
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.version import AHEAD, SCALED
from arena.session import LocalSession, TimeStep

Emit = Callable[..., None]
Ask = m.OpenGame | m.Step | m.Parse | m.Observe | m.CloseGame


class GameHost:
    """Every request gets one reply: its own kind, or an ERROR that names the match."""

    asynchronous = None  # it has no event loop

    def __init__(self, emit: Emit, lock: AbstractContextManager[object] | None = None) -> None:
        self._emit = emit
        self._lock = lock or threading.RLock()
        self._queue: deque[Ask] = deque()
        self._games: dict[int, tuple[LocalSession, list[Views]]] = {}
        self.session = ""
        self._minor = 0
        self.finished = False
        self.failed = False

    def receive(self, message: m.ToWorker, buffers: codec.Frames) -> None:
        """Take one message. ProtocolError when it is out of turn, or meant for operators."""
        match message:
            case m.Ping():
                self._emit(m.Pong(n=message.n))
            case m.Shutdown():
                self.finished = True
            case m.Error():
                if not self.session:
                    self.finished = self.failed = True
            case m.Welcome():
                if self.session:
                    raise ProtocolError("a second WELCOME")
                self.session, self._minor = message.session, message.minor
                self._emit(m.Status(state="ready"))
            case _ if not self.session:
                raise ProtocolError(f"{type(message).__name__} before WELCOME")
            case m.OpenGame() | m.Step() | m.Parse() | m.Observe() | m.CloseGame():
                self._queue.append(message)
            case _:
                raise ProtocolError(f"{type(message).__name__} was sent to a game host")

    @property
    def has_work(self) -> bool:
        return bool(self._queue)

    def work(self) -> None:
        """Run everything queued, in order of arrival."""
        while not self.finished:
            with self._lock:
                if not self._queue:
                    return
                ask = self._queue.popleft()
            try:
                self._serve(ask)
            except Exception as error:
                traceback.print_exc()
                self._games.pop(ask.match, None)  # its state is in doubt
                self._emit(_error(error, ask.match))

    def close(self, reason: str = "") -> None:
        """Say goodbye."""
        self._emit(m.Bye(reason=reason))

    def _serve(self, ask: Ask) -> None:
        if isinstance(ask, m.OpenGame):
            game = _made(ask)
            session = LocalSession(game, ask.views, scaled=self._minor >= SCALED)
            self._games[ask.match] = session, ask.views
            self._stepped(ask.id, ask.match, session.begin(ask.seed))
            return
        if isinstance(ask, m.CloseGame):
            self._games.pop(ask.match, None)
            self._emit(m.GameClosed(match=ask.match))
            return
        if ask.match not in self._games:
            raise ProtocolError(f"match {ask.match} has no game here")
        session, _ = self._games[ask.match]
        match ask:
            case m.Step():
                if ask.forfeit is None:
                    self._step(ask, session)
                else:
                    self._stepped(ask.id, ask.match, session.forfeit(ask.forfeit))
            case m.Parse():
                parsed = session.parse(ask.seat, ask.answer)
                self._emit(
                    m.Parsed(session=self.session, id=ask.id, match=ask.match, seat=ask.seat, **parsed._asdict())
                )
            case m.Observe():
                self._observed(ask, session)

    def _step(self, ask: m.Step, session: LocalSession) -> None:
        result = session.apply(dict(ask.moves), ask.cut)
        ahead = result.returns is None and session.game.slow_views and self._minor >= AHEAD
        if not ahead:
            self._stepped(ask.id, ask.match, session.show(result))
            return
        self._emit(m.Stepped(session=self.session, id=ask.id, match=ask.match, result=result, ahead=True))
        seats, buffers = _seen(session.show(result))
        self._emit(m.Shown(session=self.session, id=ask.id, match=ask.match, seats=seats), buffers)

    def _stepped(self, i: int, match: int, time_step: TimeStep) -> None:
        seats, buffers = _seen(time_step)
        self._emit(m.Stepped(session=self.session, id=i, match=match, result=time_step.result, seats=seats), buffers)

    def _observed(self, ask: m.Observe, session: LocalSession) -> None:
        buffers: list[codec.Frame] = []
        if ask.seat is not None:
            wire = codec.pack_observation(_looked(session, ask.seat, ask.views), buffers)
        elif ask.views.image is not None:
            wire = codec.pack_picture(session.draw(*ask.views.image), buffers)
        else:
            raise ProtocolError("an OBSERVE of no seat and no picture")
        self._emit(m.Observed(session=self.session, id=ask.id, match=ask.match, observation=wire), buffers)


def _looked(session: LocalSession, seat: int, views: Views) -> Observation:
    """What `seat` sees, for who shows it; nothing where the game fails to say it, which ends no match."""
    try:
        return session.look(seat, views)
    except GameError:
        traceback.print_exc()
        return Observation(())


class _RefusedError(Exception):
    """The game cannot be had with these seats and options."""


def _made(ask: m.OpenGame) -> Game:
    """The game that is to be opened. What it raises from here on is its own failure, a ValueError too."""
    try:
        return game_class(ask.game)(ask.seats, ask.options)
    except (InputError, ValueError) as error:
        raise _RefusedError(str(error)) from error


def _error(error: Exception, match: int) -> m.Error:
    """The ERROR for what was raised while a match was served."""
    if isinstance(error, _RefusedError):
        return m.Error(code="refused", text=str(error), match=match)
    ours = isinstance(error, (GameError, ProtocolError))
    return m.Error(code="failed", text=str(error) if ours else failure.told(error), match=match)


def _seen(time_step: TimeStep) -> tuple[list[m.SeatView], list[codec.Frame]]:
    """What the due seats are shown, as it travels."""
    buffers: list[codec.Frame] = []
    seats = [
        m.SeatView(
            seat=seat,
            observation=codec.pack_observation(observation, buffers),
            default=time_step.defaults.get(seat),
        )
        for seat, observation in time_step.observations.items()
    ]
    return seats, buffers
