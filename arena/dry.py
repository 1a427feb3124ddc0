"""Dry turns: an operator answers a sample position of the game, which is logged nowhere and belongs to no match.

Each operator has one before the first match: what cannot be set up is said there, and not booked as play. Later ones
tell an operator that fails at one question from one that answers nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from arena.canonical import key
from arena.plan import Entry, MatchPlan, Plan

SAMPLES = 3  # most sample positions that are tried; one answer is enough
LAST = 2**53 - 1  # the match numbers of dry turns end here, far from those of matches


@dataclass(slots=True, eq=False)
class DryTurn:
    """A dry turn of one operator."""

    game: int  # of the plan
    slot: int  # of the pool
    first: bool  # before the first match
    seat: int | None  # None: the first seat that is asked
    sample: int = 0


class DryTurns:
    """The dry turns that are planned or in play: at most one for each game and worker."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.turns: dict[tuple[int, str], DryTurn] = {}  # by game and worker

    def add(self, game: int, slot: int, *, first: bool = False) -> tuple[int, str] | None:
        """The operator of this slot is to be asked; the game and its worker.

        None: it is a person, who is not asked for nothing.
        """
        planned = self._plan.games[game]
        entry = planned.operators[slot]
        if entry.kind.interactive:
            return None
        which = game, entry.worker_key
        self.turns.setdefault(which, DryTurn(game, slot, first, seat=slot % planned.facts.seats))
        return which

    def match_plan(self, turn: DryTurn) -> MatchPlan:
        """The plan of a sample match: the operator has every seat. The positions are the same in every run."""
        lineup = (turn.slot,) * self._plan.games[turn.game].facts.seats
        number = turn.game * len(self._plan.pool) + turn.slot
        index = LAST - SAMPLES * number - turn.sample
        return MatchPlan(index, 0, lineup, key("dry", turn.slot, turn.sample), turn.game)

    def entry(self, turn: DryTurn) -> Entry:
        """The operator that is asked."""
        return self._plan.games[turn.game].operators[turn.slot]

    def over(self, turn: DryTurn) -> tuple[int, str]:
        """One of its samples was answered, or none; the game and the worker that was asked."""
        which = turn.game, self.entry(turn).worker_key
        del self.turns[which]
        return which
