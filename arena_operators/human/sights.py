"""What people see of a match as a whole: those who only look on, and those who play where nothing is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena.operator import Sight
from arena.text import printable
from arena_operators.human.results import signed


@dataclass(slots=True)
class Glimpse:
    """The newest sight of one match. `number` counts its pictures."""

    sight: Sight
    picture: bytes | None
    number: int

    @property
    def key(self) -> str:
        """Names its picture on the page."""
        return f"whole {self.sight.match}"

    def plain(self, seats: tuple[int, ...]) -> dict[str, Any]:
        """As the page is told it, as plain JSON; `seats` are the page's own."""
        sight, ended = self.sight, self.sight.outcome
        returns = ended.returns if ended is not None else ()
        return {
            "key": self.key,
            "match": sight.match,
            "tick": sight.tick,
            "game": printable(sight.game),
            "seats": [
                {
                    "name": printable(name),
                    "you": seat in seats,
                    "value": signed(returns[seat]) if seat < len(returns) else "",
                }
                for seat, name in enumerate(sight.seats)
            ],
            "events": [printable(event) for event in sight.events],
            "over": ended is not None,
            "picture": self.number if self.picture is not None else None,
        }
