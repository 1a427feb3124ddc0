"""What a person says and hears: words that are taken or refused with a reason, and what was said so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from arena.game import Observation
from arena.operator import Decision, OpenSeat, Request
from arena.text import clean, printable
from arena_operators.human.results import seat_name

KEPT = 200  # sayings of a match that stay to be read


@dataclass(frozen=True, slots=True)
class Line:
    """One saying, fit to be shown."""

    who: str
    text: str
    you: bool = False


@dataclass(slots=True)
class Talk:
    """What was said in one match, as one seat heard it."""

    lines: list[Line] = field(default_factory=list)

    def hear(self, seat: OpenSeat, seen: Observation) -> list[Line]:
        """Add what others said since the seat's last turn; it, to be shown."""
        new = [Line(seat_name(seat, said.seat), printable(said.text)) for said in seen.heard]
        self._add(new)
        return new

    def say(self, decision: Decision) -> None:
        """Add what the person says."""
        text = decision.answer if isinstance(decision.answer, str) else decision.say
        if text:
            self._add([Line("You", printable(text), you=True)])

    def _add(self, lines: list[Line]) -> None:
        self.lines += lines
        del self.lines[:-KEPT]


def decided(request: Request, action: int | None, words: str, raw: str) -> Decision | str:
    """The decision of a person who chose `action` (None: none) and typed `words`; or, in words, why it cannot be."""
    seen, text = request.observation, clean(words)
    if action is not None and action not in seen.legal:
        return "That is not legal now. Choose one of the buttons."
    most = seen.free_text if action is None else seen.table_talk
    if action is None and not most:
        return "No text of your own is taken here. Choose an action."
    if action is None and not text:
        return "Type what you want to say, or choose an action."
    if text and not most:
        return "Nothing can be said beside an action here."
    if len(text) > most:
        return f"That has {len(text)} characters; at most {most} are taken here."
    if action is None:
        return Decision(answer=text, raw=raw)
    return Decision(answer=action, say=text or None, raw=raw)
