"""Observer: what a run tells whoever watches it. It changes nothing; every method may be left out."""

from __future__ import annotations

from arena.match import Ask, Match
from arena.operator import Decision, Outcome


class Observer:
    """Base with empty methods: the scheduler's events, in order."""

    def started(self, match: Match) -> None:
        """A try of a match begins."""

    def asked(self, match: Match, ask: Ask) -> None:
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
