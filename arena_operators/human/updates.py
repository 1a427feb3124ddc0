"""What people see of a match as a whole: those who only watch, and those who play where nothing is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena.operator import Outcome, SpectatorUpdate
from arena.text import printable
from arena_operators.human.results import signed


@dataclass(slots=True)
class ShownUpdate:
    """The newest update of one match. `number` counts its pictures."""

    update: SpectatorUpdate
    picture: bytes | None
    number: int

    @property
    def key(self) -> str:
        """Names its picture on the page."""
        return f"whole {self.update.match}"

    def plain(self, seats: tuple[int, ...]) -> dict[str, Any]:
        """As the page is told it, as plain JSON; `seats` are the page's own."""
        update, ended = self.update, self.update.outcome
        returns = ended.returns if ended is not None else ()
        return {
            "key": self.key,
            "match": update.match,
            "tick": update.tick,
            "game": printable(update.game),
            "seats": [
                {
                    "name": printable(name),
                    "you": seat in seats,
                    "value": signed(returns[seat]) if seat < len(returns) else "",
                }
                for seat, name in enumerate(update.seats)
            ],
            "events": [printable(event) for event in update.events],
            "over": ended is not None,
            "result": None if ended is None else _result(ended, update.tick),
            "picture": self.number if self.picture is not None else None,
        }


def _result(ended: Outcome, ticks: int) -> dict[str, Any]:
    """As the replay viewer shows it."""
    returns = list(ended.returns) or None
    return {"status": ended.status, "ticks": ticks, "unit": "", "returns": returns, "reason": printable(ended.reason)}
