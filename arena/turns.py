"""Turns: each decision with what it led to. Match makes them; sinks get them when the match is over.

A turn begins when its seat is asked, and its reward is what the seat gets from there until it is asked again: rewards
of ticks in which the seat is not due belong to the turn before them. What it gets before its first turn stands in
`Episode.before`, so nothing is lost: before + the rewards of its turns is the seat's return, in a game whose rewards
sum to its returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec

from arena.game import Ended, Move, Observation
from arena.operator import Decision, Outcome, Request
from arena.plan import MatchPlan


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of one operator: what it saw, answered and did, and what came of it until its next turn."""

    request: Request  # with the observation; (match, seat, tick, attempt) names the turn
    operator: str
    decision: Decision
    move: Move | None  # what was played: the parsed answer, or the default that a fault costs; None: neither (below)
    fault: str | None = None
    asked_again: bool = False  # the answer was a fault, and the next attempt is a turn of its own: no move, no reward
    # without a move and not asked again, the fault was a forfeit
    reward: float = 0.0
    aside: Observation | None = None  # with what is noted beside the turn, and the operator was not shown: Entry.aside
    ended: Ended = "none"  # of the seat's last turn: how the match ended; a forfeit, of whomever, terminates it


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One match that counts, as its turns."""

    plan: MatchPlan
    game: str
    seats: tuple[str, ...]  # operator names in seat order
    status: Literal["terminated", "truncated", "forfeited"]
    ticks: int
    returns: tuple[float, ...]
    before: tuple[float, ...]  # of every seat: its rewards before its first turn
    turns: tuple[Turn, ...]  # by tick, seat and attempt


class TurnSink:
    """Gets the turns of the matches of a plan. What it raises ends the run: training data must not be lost silently.

    It hears of every match once, when nothing can change it any more: a try that does not count (a worker died) never
    comes here. Without a sink no turn is made, and operators are not asked for tokens.
    """

    in_order: ClassVar[bool] = True  # matches come in the order of the schedule, at any concurrency; else as they end

    def match_over(self, episode: Episode) -> None:
        """A match is over."""

    def match_void(self, plan: MatchPlan, reason: str) -> None:
        """A match stays unresolved: every try of it failed, and it has no turns."""


class TurnLedger:
    """Makes the turns of one match from the events of Match."""

    def __init__(self, names: Sequence[str], holds: bool = False) -> None:
        """`holds`: a seat's move goes on while it thinks about the next one (realtime)."""
        self._names = tuple(names)
        self._holds = holds
        self._asked: set[int] = set()  # seats that owe an answer
        self._current: dict[int, Turn] = {}  # by seat: the turn that its rewards belong to
        self._rewards = [0.0] * len(names)  # of every seat since its current turn began
        self._thinking = [0.0] * len(names)  # since it was asked, where that is not yet a turn
        self._done: list[Turn] = []
        self.before = (0.0,) * len(names)

    def asked(self, seat: int) -> None:
        """A seat is asked: its turn before is complete, unless this question may never be answered."""
        self._asked.add(seat)
        if not self._holds:
            self._complete(seat)

    def answered(
        self,
        request: Request,
        decision: Decision,
        move: Move | None,
        fault: str | None,
        asked_again: bool,
        aside: Observation | None = None,
    ) -> None:
        """A seat's decision was judged."""
        seat = request.seat
        refused = self._current.get(seat)
        carried = 0.0
        if refused is not None and refused.asked_again:
            carried, self._rewards[seat] = self._rewards[seat], 0.0
        self._complete(seat)
        self._rewards[seat], self._thinking[seat] = carried + self._thinking[seat], 0.0
        self._asked.discard(seat)
        self._current[seat] = Turn(
            request=request,
            operator=self._names[seat],
            decision=decision,
            move=move,
            fault=fault,
            asked_again=asked_again,
            aside=aside,
        )

    def ticked(self, rewards: Sequence[float]) -> None:
        """Every seat got its reward of a tick."""
        for seat, reward in enumerate(rewards):
            (self._thinking if seat in self._asked else self._rewards)[seat] += reward

    def ended(self, how: Ended) -> None:
        """The match is over. A question without an answer is not a turn: what came since belongs to the one before."""
        for seat in range(len(self._names)):
            self._rewards[seat] += self._thinking[seat]
            self._complete(seat, how)

    def take(self) -> list[Turn]:
        """The turns that became complete since the last call."""
        out, self._done = self._done, []
        return out

    def episode(self, plan: MatchPlan, game: str, ticks: int, outcome: Outcome) -> Episode:
        """The match, which is over, with the turns that nobody took."""
        assert outcome.status != "voided"
        return Episode(
            plan=plan,
            game=game,
            seats=self._names,
            status=outcome.status,
            ticks=ticks,
            returns=outcome.returns,
            before=self.before,
            turns=tuple(sorted(self.take(), key=_place)),
        )

    def _complete(self, seat: int, ended: Ended = "none") -> None:
        turn = self._current.pop(seat, None)
        reward, self._rewards[seat] = self._rewards[seat], 0.0
        if turn is not None:
            self._done.append(msgspec.structs.replace(turn, reward=reward, ended=ended))
        else:
            self.before = tuple(old + reward * (seat == at) for at, old in enumerate(self.before))


def _place(turn: Turn) -> tuple[int, int, int]:
    return turn.request.tick, turn.request.seat, turn.request.attempt


class TurnFeed:
    """Passes the episodes of a run to its sinks, each in the order that it wants."""

    def __init__(self, sinks: Sequence[TurnSink]) -> None:
        self._at_once = [sink for sink in sinks if not sink.in_order]
        self._in_order = [sink for sink in sinks if sink.in_order]
        self._begun: dict[int, Episode | tuple[MatchPlan, str] | None] = {}  # by match, in the order of the schedule

    @property
    def wanted(self) -> bool:
        """Whether any sink wants turns."""
        return bool(self._at_once or self._in_order)

    def began(self, plan: MatchPlan) -> None:
        """A match begins: its first try in the order of the schedule, any other try later."""
        if self._in_order:
            self._begun.setdefault(plan.index, None)

    def over(self, episode: Episode) -> None:
        """A match is over."""
        self._tell(self._at_once, episode)
        self._queue(episode.plan.index, episode)

    def void(self, plan: MatchPlan, reason: str) -> None:
        """A match stays unresolved."""
        self._tell(self._at_once, (plan, reason))
        self._queue(plan.index, (plan, reason))

    def _queue(self, match: int, end: Episode | tuple[MatchPlan, str]) -> None:
        if not self._in_order:
            return
        self._begun[match] = end
        while self._begun and (first := next(iter(self._begun.items())))[1] is not None:
            del self._begun[first[0]]
            self._tell(self._in_order, first[1])

    @staticmethod
    def _tell(sinks: Sequence[TurnSink], end: Episode | tuple[MatchPlan, str]) -> None:
        for sink in sinks:
            if isinstance(end, Episode):
                sink.match_over(end)
            else:
                sink.match_void(*end)
