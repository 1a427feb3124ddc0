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
from arena.game import Game, Observation, TimeStep, Views
from arena.plugins import game_class
from arena.protocol import messages as m
from arena.session import LocalSession

Emit = Callable[[m.Message], None]
GameRequest = m.OpenGame | m.Step | m.Parse | m.Observe | m.CloseGame


class GameHost:
    """Hosts games. Every request gets one reply: its own kind, or an ERROR that names the match."""

    asynchronous = None  # it has no event loop

    def __init__(self, emit: Emit, lock: AbstractContextManager[object] | None = None) -> None:
        self._emit = emit
        self._lock = lock or threading.RLock()
        self._queue: deque[GameRequest] = deque()
        self._games: dict[int, LocalSession] = {}
        self.session = ""
        self.finished = False
        self.failed = False

    def receive(self, message: m.ToWorker) -> None:
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
                self.session = message.session
                self._emit(m.Status(state="ready"))
            case _ if not self.session:
                raise ProtocolError(f"{m.name_of(message)} before WELCOME")
            case m.OpenGame() | m.Step() | m.Parse() | m.Observe() | m.CloseGame():
                self._queue.append(message)
            case _:
                raise ProtocolError(f"{m.name_of(message)} was sent to a game host")

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
                self._games.pop(ask.match, None)  # its state is undefined
                self._emit(_error(error, ask.match))

    def close(self, reason: str = "") -> None:
        """Say goodbye."""
        self._emit(m.Bye(reason=reason))

    def _serve(self, ask: GameRequest) -> None:
        if isinstance(ask, m.OpenGame):
            game = _made(ask)
            session = LocalSession(game, ask.views)
            self._games[ask.match] = session
            self._stepped(ask, session.begin(ask.seed))
            return
        if isinstance(ask, m.CloseGame):
            self._games.pop(ask.match, None)
            self._emit(m.GameClosed(match=ask.match))
            return
        if ask.match not in self._games:
            raise ProtocolError(f"match {ask.match} has no game here")
        session = self._games[ask.match]
        match ask:
            case m.Step():
                if ask.forfeit is None:
                    self._stepped(ask, session.step(dict(ask.moves), ask.cut))
                else:
                    self._stepped(ask, session.forfeit(ask.forfeit))
            case m.Parse():
                parsed = session.parse(ask.seat, ask.answer)
                self._emit(
                    m.Parsed(session=self.session, id=ask.id, match=ask.match, seat=ask.seat, **parsed._asdict())
                )
            case m.Observe():
                self._observed(ask, session)

    def _stepped(self, ask: m.OpenGame | m.Step, time_step: TimeStep) -> None:
        self._emit(m.Stepped(session=self.session, id=ask.id, match=ask.match, time_step=time_step))

    def _observed(self, ask: m.Observe, session: LocalSession) -> None:
        if ask.seat is not None:
            seen = _looked(session, ask.seat, ask.views)
        elif ask.views.image is not None:
            seen = Observation(image=session.draw(*ask.views.image))
        else:
            raise ProtocolError("an OBSERVE of no seat and no picture")
        self._emit(m.Observed(session=self.session, id=ask.id, match=ask.match, observation=seen))


def _looked(session: LocalSession, seat: int, views: Views) -> Observation:
    """What `seat` sees, for viewers; empty if the game fails, which does not end the match."""
    try:
        return session.look(seat, views)
    except GameError:
        traceback.print_exc()
        return Observation()


class _RefusedError(Exception):
    """The game cannot be made with these seats and options."""


def _made(ask: m.OpenGame) -> Game:
    """Makes the game to open. Whatever it raises after this is its own failure, also a ValueError."""
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
