"""RetryPolicy: the failed tries of each match, and what to do next. Pure bookkeeping.

A try that fails does not count; the match is played again. What one seat causes in every try is that seat's
fault: its worker dies or hangs by itself, or its operator fails at this very question while it answers others.
What no seat caused leaves the match unresolved. Of matches that shared a dying worker it is not known which one
it died of: those that it happens to twice are taken apart by halves.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from arena.operator import InfrastructureFault, OperatorFault
from arena.plan import MatchPlan, Plan

CHARGED: Mapping[InfrastructureFault, OperatorFault] = {
    "worker_died": "crashed",
    "deadline": "timeout",
    "backend": "backend",
    "overloaded": "backend",
}


class Position(NamedTuple):
    """A request of one seat, identified the same way in every try."""

    tick: int
    attempt: int


OPENING = Position(-1, 0)  # the seat could not even be opened


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed at one seat."""

    kind: InfrastructureFault
    place: Position
    reason: str
    self_inflicted: bool  # the worker ended or hung by itself, or the operator raised while it was opened


@dataclass(frozen=True, slots=True)
class Void:
    """One try that did not count."""

    kind: InfrastructureFault
    reason: str
    seats: Mapping[int, Failure] = field(default_factory=dict)  # the seats that failed, or may have
    self_inflicted: bool = False  # a worker ended or hung by itself
    suspect: bool = True  # this match may be the cause; False: only another one can be
    shared: bool = False  # other matches may be the cause as well


@dataclass(frozen=True, slots=True)
class Charge:
    """A fault of a seat, which is not asked from this request on."""

    place: Position
    fault: OperatorFault
    detail: str


class RetryDecision(enum.Enum):
    """What to do with a match after a failed try."""

    AGAIN = "play it again"
    TAKE_APART = "play it again, apart from others, to find out whether it ends its worker"
    CHARGE = "play it again with the fault of its seat: see RetryPolicy.charges"
    CHECK = "see whether its operators answer anything else"
    GIVE_UP = "it stays unresolved"


@dataclass(slots=True)
class _History:
    """The failed tries of one match."""

    voids: list[Void] = field(default_factory=list)  # since the last charge
    mark: int = 0  # the newest request at the first of them
    count: int = 0  # of all voids
    charges: dict[int, Charge] = field(default_factory=dict)  # by seat


class RetryPolicy:
    """Keeps voids and charges by match. Requests have increasing numbers."""

    def __init__(self, plan: Plan) -> None:
        self._retries = plan.limits.retries
        self._plan = plan
        self._history: dict[int, _History] = {}
        self._answered: dict[str, int] = {}  # by worker: the newest request that it answered

    def answered(self, plan: MatchPlan, seat: int, question: int) -> None:
        """The operator of `seat` gave an answer."""
        worker = self._plan.seated(plan)[seat].worker_key
        self._answered[worker] = max(question, self._answered.get(worker, 0))

    def charges(self, plan: MatchPlan) -> Mapping[int, Charge]:
        """The faults that this match is played with, by seat."""
        history = self._history.get(plan.index)
        return dict(history.charges) if history else {}

    def forget(self, plan: MatchPlan) -> None:
        """The match is over."""
        self._history.pop(plan.index, None)

    def count(self, plan: MatchPlan) -> int:
        """The number of failed tries of this match."""
        history = self._history.get(plan.index)
        return history.count if history else 0

    def void(self, plan: MatchPlan, void: Void, newest: int) -> RetryDecision:
        """Note a failed try; returns what to do. `newest`: the newest request of any match."""
        history = self._history.setdefault(plan.index, _History())
        history.count += 1
        if void.self_inflicted and not void.suspect:
            return RetryDecision.AGAIN
        if not history.voids:
            history.mark = newest
        history.voids.append(void)
        return self._judge(plan, history, void)

    def _judge(self, plan: MatchPlan, history: _History, last: Void) -> RetryDecision:
        tries = [void for void in history.voids if bool(void.seats) == bool(last.seats)]
        enough = len(tries) > self._retries
        if last.shared:
            apart = enough or (last.self_inflicted and len(tries) >= 2)
            return RetryDecision.TAKE_APART if apart else RetryDecision.AGAIN
        if not enough:
            # Played beside others it would end their worker again.
            return RetryDecision.TAKE_APART if last.self_inflicted and len(tries) >= 2 else RetryDecision.AGAIN
        seats = set(last.seats).intersection(*(void.seats for void in tries))
        if not seats:
            return RetryDecision.GIVE_UP
        guilty = {seat for seat in seats if self._guilty(plan, history, tries, seat)}
        if not guilty:
            # Without a second try, no answer can have come in between.
            return RetryDecision.CHECK if self._retries else RetryDecision.GIVE_UP
        for seat in guilty:
            failure = last.seats[seat]
            raised = failure.self_inflicted and failure.kind == "backend"  # while it was opened
            fault = "crashed" if raised else CHARGED[failure.kind]
            history.charges[seat] = Charge(failure.place, fault, failure.reason)
        history.voids.clear()
        return RetryDecision.CHARGE

    def _guilty(self, plan: MatchPlan, history: _History, tries: list[Void], seat: int) -> bool:
        """Whether it failed in every try by itself, or answered other questions between the first and the last."""
        if all(void.seats[seat].self_inflicted for void in tries):
            return True
        return self._answered.get(self._plan.seated(plan)[seat].worker_key, 0) > history.mark
