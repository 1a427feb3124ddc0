"""Pace: in lockstep everybody waits for everybody; in realtime a tick ends by the game's clock."""

from __future__ import annotations

from arena.errors import InputError
from arena.game import Game
from arena.match import Match
from arena.plan import Limits


class Clock:
    """The clock of one match in realtime.

    It begins when the first tick is over, which is waited for: models load and people open their pages before it.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds` that a tick lasts."""
        self._seconds = seconds
        self._until: float | None = None  # when this tick is over, or the last one was; None: it is not running yet
        self._over = True

    @property
    def until(self) -> float | None:
        """When it must be looked at; None: nothing happens by it now."""
        return None if self._over else self._until

    def next(self, now: float) -> None:
        """Another tick begins. Ticks follow each other evenly; after a delay one is shorter, by half at most."""
        even = now if self._until is None else self._until
        self._until = max(even + self._seconds, now + self._seconds / 2)
        self._over = False

    def over(self, match: Match, now: float) -> bool:
        """Whether the tick may be applied as soon as all are in; from then on who has not answered is late."""
        if not self._over and self._until is not None:
            if now < self._until:
                return False
            self._over = True
            for request in match.waiting:
                match.late(request.seat)
        return True


def check(game: Game, limits: Limits) -> None:
    """InputError when this game cannot be played at the pace that is asked for."""
    if limits.pace == "lockstep":
        return
    if game.spec.pace != "realtime" or game.card().seconds is None:
        raise InputError(
            f"{game.spec.id} cannot be played in realtime{_options(game)}: it has no clock of its own, everybody waits "
            "for everybody. Leave --pace out; it is for games of lanes, such as sidescroller and mario"
        )
    if limits.human_timeout is not None:
        raise InputError("--human-timeout does not go with --pace realtime: there the game's own clock counts")


def _options(game: Game) -> str:
    return " with these options" if type(game).spec.pace == "realtime" else ""
