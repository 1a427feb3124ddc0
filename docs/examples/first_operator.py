"""A whole operator in one file; nothing needs to be installed.

arena check operator ./first_operator.py
arena play --game leduc --operators ./first_operator.py,random --matches 20

It does again what it did last, as often as its option says, and else draws from the legal actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arena.canonical import generator
from arena.game import GameSpec, Views
from arena.operator import Decision, OpenSeat, Operator, OperatorKind, Outcome, Request, WorkerContext, turn_key
from arena.options import Option


class Parrot(Operator):
    """Runs in a worker process of its own, and sits in many seats of many matches at once."""

    def __init__(self, stubborn: float) -> None:
        self.stubborn = stubborn
        self.seats: dict[tuple[int, int], OpenSeat] = {}
        self.last: dict[tuple[int, int], int] = {}

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """Seats are given to it. Each brings the game's card: rules, action names, prompts."""
        self.seats.update({(seat.match, seat.seat): seat for seat in seats})

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        """One Decision a request, in order. They may be of many matches: whoever has a model asks it once for all."""
        return [self.decide(request) for request in requests]

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        """The match is over: forget all that was kept for this seat."""
        self.seats.pop((match, seat), None)
        self.last.pop((match, seat), None)

    def decide(self, request: Request) -> Decision:
        where = request.match, request.seat
        legal = request.observation.legal
        # The turn's own key: neither batching nor the order of questions can change what is drawn.
        chance = generator(turn_key(self.seats[where], request))
        before = self.last.get(where)
        if before in legal and chance.random() < self.stubborn:
            return Decision(answer=before, thought="as before")
        self.last[where] = int(chance.choice(legal))
        return Decision(answer=self.last[where])


def build(context: WorkerContext) -> Operator:
    """Called once, in the worker. Import and load what is heavy here."""
    return Parrot(context.options["stubborn"])


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    """What it wants to see of this game: nothing but the legal actions. Raise UnplayableError if it cannot play."""
    return Views()


KIND = OperatorKind(
    name="parrot",
    summary="repeats its last action",
    target=f"{__file__}:build",
    views=views,
    options={"stubborn": Option("float", 0.9, "how often it repeats itself", low=0, high=1)},
)
