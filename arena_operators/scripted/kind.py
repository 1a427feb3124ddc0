"""`scripted`: the game's own rule-based baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arena.canonical import generator
from arena.errors import UnplayableError
from arena.game import Baseline, GameCard, GameSpec, Views
from arena.operator import Decision, OpenSeat, Operator, OperatorKind, Outcome, Request, WorkerContext, turn_key
from arena.plugins import resolve


def _baseline(about: GameSpec | GameCard, game: str) -> str:
    if about.baseline is None:
        raise UnplayableError(
            f"game {game!r} has no baseline as it is set up, so `scripted` cannot play it; seat `random` instead"
        )
    return about.baseline


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    """The cheap views: text and vector, if the game has them."""
    _baseline(spec, spec.id)
    return Views(vector=spec.vector_shape is not None, text=spec.text)


class ScriptedOperator(Operator):
    """Plays the baseline of each seat's game."""

    def __init__(self) -> None:
        self._seats: dict[tuple[int, int], tuple[OpenSeat, Baseline]] = {}

    def open(self, seats: Sequence[OpenSeat]) -> None:
        for seat in seats:
            self._seats[seat.match, seat.seat] = (seat, resolve(_baseline(seat.card, seat.card.game)))

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self._choose(request) for request in requests]

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self._seats.pop((match, seat), None)

    def _choose(self, request: Request) -> Decision:
        seat, choose = self._seats[request.match, request.seat]
        answer = choose(request.observation, seat.card, generator(turn_key(seat, request)))
        return Decision(answer=answer if isinstance(answer, str) else int(answer))


def build(context: WorkerContext) -> Operator:
    """The factory that the worker calls."""
    return ScriptedOperator()


KIND = OperatorKind(
    name="scripted",
    summary="the game's own rule-based baseline",
    target="arena_operators.scripted.kind:build",
    views=views,
)
