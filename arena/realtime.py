"""Realtime: the game's clock does not wait. A tick ends when its time is over; a seat without an answer is late.

Whoever keeps the Clock calls `late(seat)` in place of `feed`. The game's rule then gives the seat's action, and the
question stays open: its answer counts for the tick that is on when it comes.
"""

from __future__ import annotations

from typing import Any

from arena.errors import InputError
from arena.game import Game, Move
from arena.log import TurnLine
from arena.match import Match
from arena.operator import Decision, Request
from arena.plan import Limits


class RealtimeMatch(Match):
    """A match in which a seat can be late. Pressing no key is an action, not a fault."""

    holds = True

    def __init__(self, *what: Any, **how: Any) -> None:
        """As Match."""
        super().__init__(*what, **how)
        self._late: dict[int, Request] = {}  # by seat: open requests whose seat repeats its last action in this tick
        self._early: dict[int, Decision] = {}  # by seat: their decisions that came before the next tick began
        self._last: dict[int, int] = {}  # the last action of each seat

    def late(self, seat: int) -> bool:
        """The tick's time is over and `seat` has not answered: the game's rule gives its action.

        False where there is none: the seat has neither acted nor a default action.
        """
        action = self._defaults.get(seat)
        if seat in self._last:
            goes_on = self.session.late(self._last[seat])
            action = goes_on if goes_on in self._seen[seat].legal else action
        if action is None:
            return False
        request = self._late[seat] = self._waiting.pop(seat)
        line = TurnLine(
            tick=self.tick,
            seat=seat,
            operator=self.names[seat],
            attempt=request.attempt,
            legal=self._seen[seat].legal,
            observation_hash={},
            action=action,
            late=True,
        )
        self._turns.setdefault(seat, []).append((line, None))
        self._moves[seat] = Move(action)
        return True

    def feed(self, seat: int, decision: Decision) -> None:
        if seat in self._late:
            self._early[seat] = decision
        else:
            super().feed(seat, decision)

    def advance(self) -> None:
        self._last.update({seat: move.action for seat, move in self._moves.items() if move.action is not None})
        super().advance()

    def _ask_due(self) -> None:
        thinking, self._late = self._late, {}  # answers of seats that are not due are not needed now
        self._late = {seat: request for seat, request in thinking.items() if seat not in self._seen}
        for seat, observation in self._seen.items():
            if seat in thinking:
                self._waiting[seat] = thinking[seat]
            else:
                self._ask(Request(0, self.plan.index, seat, self.tick, observation))
        early, self._early = self._early, {}
        for seat, decision in sorted(early.items()):
            self.feed(seat, decision)


def match_class(limits: Limits) -> type[Match]:
    """The class of a match at this pace."""
    return RealtimeMatch if limits.pace == "realtime" else Match


class Clock:
    """The clock of one match in realtime.

    It begins when the first tick is over, which is waited for: models load and people open their pages before it.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds`: the duration of a tick."""
        self._seconds = seconds
        self._until: float | None = None  # end of this tick, or of the last one; None: the clock is not running yet
        self._over = True

    @property
    def until(self) -> float | None:
        """The time of its next event; None: there is none."""
        return None if self._over else self._until

    def next(self, now: float) -> None:
        """Begin another tick. Ticks are evenly spaced; after a delay a tick is shorter, by half at most."""
        even = now if self._until is None else self._until
        self._until = max(even + self._seconds, now + self._seconds / 2)
        self._over = False

    def over(self, match: RealtimeMatch, now: float) -> bool:
        """Whether the tick may be applied as soon as all are in; from then on who has not answered is late."""
        if not self._over and self._until is not None:
            if now < self._until:
                return False
            self._over = True
            for request in match.waiting:
                match.late(request.seat)
        return True


def check(game: Game, limits: Limits) -> None:
    """Raises InputError if this game cannot be played at this pace."""
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
