"""Observer: what a run tells whoever watches it. It changes nothing; every method may be left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from arena.match import Match
from arena.operator import Decision, Outcome, Request
from arena.text import printable

P = ParamSpec("P")


class Observer:
    """Base with empty methods: the scheduler's events, in order."""

    def started(self, match: Match) -> None:
        """A try of a match begins."""

    def asked(self, match: Match, request: Request) -> None:
        """A seat was asked."""

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        """A seat's answer arrived `seconds` after it was asked."""

    def ticked(self, match: Match) -> None:
        """A tick was applied."""

    def ended(self, match: Match, outcome: Outcome) -> None:
        """A match is complete."""

    def voided(self, match: Match, kind: str, reason: str) -> None:
        """The infrastructure failed: this try does not count."""

    def unresolved(self, match: Match, reason: str) -> None:
        """A match was voided too often."""

    def worker_died(self, name: str, reason: str) -> None:
        """A worker is gone."""

    def unseen(self, reason: str) -> None:
        """Whoever looks on sees less from now on, or nothing. The matches go on."""


class SafeObserver(Observer):
    """Passes all events on to `observer`. Once that raises it hears no more, `say` is told why, and the run goes on."""

    def __init__(self, observer: Observer, say: Callable[[str], None]) -> None:
        self._observer = observer
        self._say = say
        self._on = True

    def guard(self, call: Callable[P, None]) -> Callable[P, None]:
        """`call`, which belongs to the same display: switched off by the first exception of any of them."""

        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            if not self._on:
                return
            try:
                call(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - a display must not end what it shows
                self._on = False
                self._say(f"the display was switched off: {type(error).__name__}: {printable(str(error))}")

        return guarded

    def started(self, match: Match) -> None:
        self.guard(self._observer.started)(match)

    def asked(self, match: Match, request: Request) -> None:
        self.guard(self._observer.asked)(match, request)

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        self.guard(self._observer.answered)(match, seat, decision, seconds)

    def ticked(self, match: Match) -> None:
        self.guard(self._observer.ticked)(match)

    def ended(self, match: Match, outcome: Outcome) -> None:
        self.guard(self._observer.ended)(match, outcome)

    def voided(self, match: Match, kind: str, reason: str) -> None:
        self.guard(self._observer.voided)(match, kind, reason)

    def unresolved(self, match: Match, reason: str) -> None:
        self.guard(self._observer.unresolved)(match, reason)

    def worker_died(self, name: str, reason: str) -> None:
        self.guard(self._observer.worker_died)(name, reason)

    def unseen(self, reason: str) -> None:
        self.guard(self._observer.unseen)(reason)
