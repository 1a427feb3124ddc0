"""`random`: a uniform draw from the legal actions, by the turn's own key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arena.canonical import generator
from arena.game import GameSpec, Views
from arena.operator import Decision, OpenSeat, Operator, OperatorKind, Outcome, Request, WorkerContext, turn_key


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    """No views: it needs only the legal actions."""
    return Views()


class RandomOperator(Operator):
    """Uniform over the legal actions."""

    def __init__(self) -> None:
        self._seats: dict[tuple[int, int], OpenSeat] = {}

    def open(self, seats: Sequence[OpenSeat]) -> None:
        self._seats.update({(seat.match, seat.seat): seat for seat in seats})

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self._draw(request) for request in requests]

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self._seats.pop((match, seat), None)

    def _draw(self, request: Request) -> Decision:
        rng = generator(turn_key(self._seats[request.match, request.seat], request))
        return Decision(answer=int(rng.choice(request.observation.legal)))


def build(context: WorkerContext) -> Operator:
    """The factory that the worker calls."""
    return RandomOperator()


KIND = OperatorKind(
    name="random", summary="uniform over the legal actions", target="arena_operators.random.kind:build", views=views
)
