"""Dry turns: an operator answers a sample position of a game, which is logged nowhere and belongs to no match.

Each operator has one before the first match: what cannot be set up is said there, and not booked as play. Later ones
tell an operator that fails at one question from one that answers nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from arena.canonical import key
from arena.live_match import DryTurn, LiveMatch
from arena.match import Match
from arena.operator import Outcome
from arena.plan import Entry, MatchPlan, Plan
from arena.playing import Playing

SAMPLES = 3  # most sample positions that are tried; one answer is enough
LAST = 2**53 - 1  # the match numbers of dry turns end here, far from those of matches

Asked = tuple[int, str]  # a game of the plan and a worker


@dataclass(slots=True)
class _Parked:
    """A match that waits for dry turns, which show whether its operators answer anything else."""

    match: Match
    reason: str
    waits_for: set[Asked]
    answered: bool = False


class DryTurns:
    """Those that are to come or in play, one a game and worker at most, and the matches that wait for them."""

    def __init__(self, plan: Plan, playing: Playing, again: Callable[[MatchPlan], None]) -> None:
        """`again(match)` plays a match again whose operators have answered something else."""
        self._plan = plan
        self._playing = playing
        self._again = again
        self._turns: dict[Asked, DryTurn] = {}
        self._parked: list[_Parked] = []

    @property
    def waiting(self) -> list[tuple[MatchPlan, DryTurn]]:
        """The turns that are to be taken, as matches. Every run has the same positions; the operator has every seat."""
        return [(self._match_plan(turn), turn) for turn in self._turns.values()]

    def add(self, game: int, slot: int, *, first: bool = False) -> Asked | None:
        """The operator of this slot of the pool is to be asked. None: it is a person, who is not asked for nothing."""
        planned = self._plan.games[game]
        entry = planned.operators[slot]
        if entry.kind.interactive:
            return None
        which = game, entry.worker_key
        self._turns.setdefault(which, DryTurn(game, slot, first, seat=slot % planned.facts.seats))
        return which

    def park(self, match: Match, reason: str, seats: Iterable[int]) -> bool:
        """Ask the operators of `seats` something else, and then play the match again, or give it up for `reason`.

        False when none of them can be asked.
        """
        plan = match.plan
        asked = {self.add(plan.game, plan.lineup[seat]) for seat in seats} - {None}
        if asked:
            self._parked.append(_Parked(match, reason, asked))  # type: ignore[arg-type]
        return bool(asked)

    def entry(self, turn: DryTurn) -> Entry:
        """The operator that is asked."""
        return self._plan.games[turn.game].operators[turn.slot]

    def failed(self, live: LiveMatch) -> bool:
        """A sample was not answered. Whether it was the last: the operator answers nothing."""
        turn = live.dry
        assert turn is not None
        turn.sample += 1
        if turn.sample == SAMPLES:
            self.over(live, answered=False)
            return True
        self.void(live)
        return False

    def over(self, live: LiveMatch, *, answered: bool) -> None:
        """The operator answered one of its samples, or none; so it is known what becomes of matches that wait."""
        turn = live.dry
        assert turn is not None
        self.void(live)
        asked = turn.game, self.entry(turn).worker_key
        del self._turns[asked]
        for parked in self._parked:
            if asked in parked.waits_for:
                parked.waits_for.discard(asked)
                parked.answered = parked.answered or answered
        done = [parked for parked in self._parked if not parked.waits_for]
        self._parked = [parked for parked in self._parked if parked.waits_for]
        for parked in done:
            if parked.answered:
                self._again(parked.match.plan)
            else:
                self._playing.give_up(parked.match, parked.reason)

    def void(self, live: LiveMatch) -> None:
        """End a sample."""
        self._playing.void(live, Outcome(status="voided", reason="a dry turn"))

    def _match_plan(self, turn: DryTurn) -> MatchPlan:
        lineup = (turn.slot,) * self._plan.games[turn.game].facts.seats
        number = turn.game * len(self._plan.pool) + turn.slot
        index = LAST - SAMPLES * number - turn.sample
        return MatchPlan(index, 0, lineup, key("dry", turn.slot, turn.sample), turn.game)
