"""The result of a match in words, for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from arena.figures import counted
from arena.operator import OpenSeat, Outcome
from arena.text import printable

Verdict = Literal["won", "lost", "drawn", "over", "voided"]


@dataclass(frozen=True, slots=True)
class SeatResult:
    """One seat's line in the result."""

    name: str
    value: float
    you: bool


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one match for its person."""

    verdict: Verdict
    headline: str
    details: tuple[str, ...]  # short sentences: the reason, and the last events
    rows: tuple[SeatResult, ...]
    unit: str

    @property
    def own(self) -> float | None:
        """The person's own return, or None."""
        return next((row.value for row in self.rows if row.you), None)


def seat_name(seat: OpenSeat, index: int) -> str:
    """A seat, numbered from 0 as in the games' texts and in the log, with its operator's name if that is known."""
    name = printable(seat.seats[index]) if index < len(seat.seats) else ""
    return f"seat {index} ({name})" if name else f"seat {index}"


def company(seat: OpenSeat) -> list[str]:
    """Who sits where, a line a seat; none where nobody else does, or where a blind match tells no names."""
    names = [printable(name) for name in seat.seats]
    if all(index == seat.seat or name in {"", f"player {index}"} for index, name in enumerate(names)):
        return []
    return [f"seat {index}: {name}{' (you)' * (index == seat.seat)}" for index, name in enumerate(names)]


def signed(value: float) -> str:
    """`value` with its sign, without needless digits: +3.5, -1, 0."""
    text = f"{value:+.3f}".rstrip("0").rstrip(".")
    return "0" if text in {"+0", "-0"} else text


def of_seat(seat: int, events: Sequence[str]) -> tuple[str, ...]:
    """The events of a tick that name this seat."""
    named = re.compile(rf"\b(seat|lane|runner|player) {seat}\b")
    return tuple(event for event in events if named.search(event))


def result(seat: OpenSeat, outcome: Outcome, out: Sequence[str] = ()) -> Result:
    """What this seat's person is told at the end. `out`: what was said when the seat itself was out, before that."""
    unit = printable(seat.card.unit)
    own = out or (of_seat(seat.seat, outcome.events) if seat.card.buttons else ())  # in lanes own events come first
    events = [event for event in outcome.events if event not in own]
    details = tuple(printable(part) for part in dict.fromkeys((*own, outcome.reason, *events)) if part)
    if outcome.status == "voided" or len(outcome.returns) <= seat.seat:
        word = "voided: it counts for nobody" if outcome.status == "voided" else "over"
        return Result("voided" if outcome.status == "voided" else "over", f"The match is {word}.", details, (), unit)
    rows = tuple(
        SeatResult(seat_name(seat, index), value, index == seat.seat) for index, value in enumerate(outcome.returns)
    )
    verdict, headline = _headline(outcome.returns, seat.seat)
    value = f"{signed(outcome.returns[seat.seat])} {counted(unit)}"
    if outcome.status == "forfeited":
        details = ("It ended by a forfeit.", *details)
    elif outcome.status == "truncated":
        details = ("It was stopped at a limit.", *details)
    return Result(verdict, f"{headline}: {value}".rstrip(), details, rows, unit)


def _headline(returns: tuple[float, ...], seat: int) -> tuple[Verdict, str]:
    better = sum(value > returns[seat] for value in returns)
    if len(returns) == 1:
        return "over", "Your result"
    if len(set(returns)) == 1:
        return "drawn", "A draw"
    if better == 0:  # alone or with others, as a team is
        return "won", "You won"
    if len(set(returns)) == 2:  # there are winners and losers, and no places between them
        return "lost", "You lost"
    return "lost", f"You came {_place(better + 1)} of {len(returns)}"


def _place(place: int) -> str:
    return f"{place}{ {2: 'nd', 3: 'rd'}.get(place, 'th') }"
