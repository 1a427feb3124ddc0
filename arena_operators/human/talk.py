"""What a person says and hears: words that are taken or refused with a reason, and what was said so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from arena.game import GameCard, Observation
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

    def hear(self, seat: OpenSeat, seen: Observation, known: int = 0) -> list[Line]:
        """Add what others said since the seat's last turn, but for the first `known`; it, to be shown."""
        new = [Line(seat_name(seat, said.seat), printable(said.text)) for said in seen.heard[known:]]
        self._add(new)
        return new

    def say(self, seat: OpenSeat, request: Request, decision: Decision) -> None:
        """Add what the person says by this answer: a statement that was chosen, words of their own, or both."""
        self._add([Line("You", printable(text), you=True) for text in _said(seat.card, request.observation, decision)])

    def _add(self, lines: list[Line]) -> None:
        self.lines += lines
        del self.lines[:-KEPT]


def _said(card: GameCard, seen: Observation, decision: Decision) -> list[str]:
    answer = decision.answer
    if isinstance(answer, str):  # one that names a legal action is that action, as the game reads it
        wanted = answer.strip().lower()
        answer = next((action for action in seen.legal if card.actions[action].lower() == wanted), answer)
    if isinstance(answer, int):
        name = card.actions[answer]
        answer = name if name in card.statements else None
    return [text for text in (answer, decision.say) if text]


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
