"""Tries: what became of the tries of each match, and what follows for the next one. Pure bookkeeping.

A void costs a match one of its tries. Whoever shared a dying or hanging worker is played alone from then on: only
then is it known which of them the worker dies of, and the others are not charged again.
"""

from __future__ import annotations

from dataclasses import dataclass

from arena.plan import MatchPlan, Plan

SHARED = ("worker_died", "deadline")  # faults that hit every match on the worker, whichever caused them


@dataclass(frozen=True, slots=True)
class Void:
    """One try that did not count."""

    fault: str
    worker: str | None  # worker_key of the operator it was about; None: of nobody in particular
    own_doing: bool  # the worker ended, or its operator raised, by itself


class Tries:
    """Voids by match."""

    def __init__(self, plan: Plan) -> None:
        self._retries = plan.limits.retries
        self._workers = [entry.worker_key for entry in plan.lineup]
        self._voids: dict[int, list[Void]] = {}

    def void(self, plan: MatchPlan, fault: str, seat: int | None, own_doing: bool) -> int:
        """Note a void of `plan`, caused at `seat`; how many it has now."""
        worker = self._workers[plan.slots[seat]] if seat is not None and 0 <= seat < len(plan.slots) else None
        voids = self._voids.setdefault(plan.index, [])
        voids.append(Void(fault, worker, own_doing))
        return len(voids)

    def alone(self, plan: MatchPlan) -> bool:
        """Whether it must be played with no other match at the same time."""
        return any(void.fault in SHARED for void in self._voids.get(plan.index, ()))

    def again(self, plan: MatchPlan) -> bool:
        """Whether it may be tried again."""
        return len(self._voids.get(plan.index, ())) <= self._retries or bool(self.crashed(plan))

    def crashed(self, plan: MatchPlan) -> set[int]:
        """Seats whose worker failed by its own doing in every try, once the tries are used up: they are not asked

        any more, and the fault is theirs.
        """
        voids = self._voids.get(plan.index, [])
        workers = {void.worker for void in voids}
        if len(voids) != self._retries + 1 or len(workers) != 1 or not all(void.own_doing for void in voids):
            return set()
        return {seat for seat, slot in enumerate(plan.slots) if self._workers[slot] in workers}
