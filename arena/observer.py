"""Observer: the events of a run, for displays. It changes nothing; every method is optional."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ParamSpec

from arena.match import Match
from arena.operator import Decision, Outcome, Request
from arena.questions import Load
from arena.text import printable

P = ParamSpec("P")


class Observer:
    """Base with empty methods: the events of the scheduler, in order."""

    def begins(self, loads: Mapping[str, Load]) -> None:
        """The run begins. `loads` tells, whenever it is looked at, how many requests of each operator wait."""

    def started(self, match: Match) -> None:
        """A match begins, for the first time or again."""

    def asked(self, match: Match, request: Request) -> None:
        """A seat was asked."""

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        """A seat's answer arrived `seconds` after it was asked."""

    def ticked(self, match: Match) -> None:
        """A tick was applied."""

    def ended(self, match: Match, outcome: Outcome) -> None:
        """A match is complete."""

    def voided(self, match: Match, kind: str, reason: str) -> None:
        """The infrastructure failed: what was played of this match does not count."""

    def unresolved(self, match: Match, reason: str) -> None:
        """A match was voided too often."""

    def worker_died(self, name: str, reason: str) -> None:
        """A worker is gone."""

    def unseen(self, reason: str) -> None:
        """A spectator sees less from now on, or nothing; the matches go on."""


class SafeObserver(Observer):
    """Passes every event on to `observer` until that raises: then it is switched off, `say` is told why, and the run

    goes on.
    """

    def __init__(self, observer: Observer, say: Callable[[str], None]) -> None:
        self._say = say
        self._on = True
        for event in (name for name in vars(Observer) if not name.startswith("_")):
            setattr(self, event, self.guard(getattr(observer, event)))

    def guard(self, call: Callable[P, None]) -> Callable[P, None]:
        """Return `call`, which belongs to the same display, guarded likewise."""

        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            if not self._on:
                return
            try:
                call(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - a display must not end what it shows
                self._on = False
                self._say(f"the display was switched off: {type(error).__name__}: {printable(str(error))}")

        return guarded
