"""Dry turns: an operator answers a sample position of the game, which is logged nowhere and belongs to no match.

Each operator has one before the first match: what cannot be set up is said there, and not booked as play. Later ones
tell an operator that fails at one question from one that answers nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from arena.canonical import key
from arena.plan import MatchPlan, Plan

SAMPLES = 3  # positions that are tried; one that is answered is enough
LAST = 2**53 - 1  # the match numbers of dry turns end here, far from those of matches


@dataclass(slots=True, eq=False)
class DryTurn:
    """One operator that is asked."""

    slot: int  # of the line-up
    first: bool  # before the first match
    seat: int | None  # None: whoever is asked first
    sample: int = 0


class DryTurns:
    """Those that are to come or in play, one a worker at most."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.turns: dict[str, DryTurn] = {}  # by worker

    def add(self, slot: int, *, first: bool = False) -> str | None:
        """The operator of this slot is to be asked; its worker. None: it is a person, who is not asked for nothing."""
        entry = self._plan.lineup[slot]
        if entry.kind.interactive:
            return None
        self.turns.setdefault(entry.worker_key, DryTurn(slot, first, seat=slot))
        return entry.worker_key

    def match_plan(self, turn: DryTurn) -> MatchPlan:
        """The operator is in every seat. Every run has the same positions."""
        slots = (turn.slot,) * len(self._plan.lineup)
        index = LAST - SAMPLES * turn.slot - turn.sample
        return MatchPlan(index, 0, slots, key("dry", turn.slot, turn.sample))

    def over(self, turn: DryTurn) -> str:
        """One of its samples was answered, or none; the worker that was asked."""
        worker = self._plan.lineup[turn.slot].worker_key
        del self.turns[worker]
        return worker
