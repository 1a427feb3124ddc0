"""What one seat's model is told, turn by turn: the part that never changes, examples, the seat's last turns, this one.

What stays comes first and is equal to the byte, so that a server computes it once for all turns and matches of a game.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from arena.game import Image
from arena.operator import OpenSeat, Request
from arena.prompts import Prompt
from arena.text import clean, unmarked
from arena_operators.vlm.backend import Message, Picture
from arena_operators.vlm.prompt import reasoning
from arena_operators.vlm.unseen import drawn

if TYPE_CHECKING:
    from arena_operators.vlm.dialogue import Settings

ASK = "Legal actions: {legal}.\nWhich do you choose?"
BRIEF = "{rules}\n\n{text}\n\n" + ASK  # for small models: answers in this form are shown between rules and text
ALONE = "Write no thoughts, only the answer."
REFUSED = "Your last answer was refused: {reason}"
Parts = tuple[str | Picture, ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what was answered."""

    question: Parts
    answer: str
    tick: int = -1


class Chat:
    """The messages of one seat in one match."""

    def __init__(
        self,
        seat: OpenSeat,
        settings: Settings,
        prompt: Prompt,
        examples: Sequence[Exchange] = (),
        pictures: Sequence[Image] = (),
    ) -> None:
        self.seat = seat
        self.settings = settings
        self.prompt = prompt
        self.examples = examples
        self.pictures = pictures  # that are shown in place of the true ones, if any
        self.past: list[Exchange] = []

    def question(self, request: Request) -> Parts:
        """What changes from turn to turn. ValueError when the picture, or a fact of the prompt, is missing."""
        seen = request.observation
        if self.settings.choices or self.settings.decide:  # it can say nothing but an action
            seen = msgspec.structs.replace(seen, free_text=0, table_talk=0)
        text = self.prompt.fill(self.seat.card, seen, self.seat.seats)
        if not self.settings.thoughts and self.prompt.lacks_layout:
            text += f"\n{ALONE}"
        if not self.settings.picture:
            return (text,)
        if request.observation.image is None:
            raise ValueError(f"match {request.match} seat {request.seat} tick {request.tick}: the picture is missing")
        image = drawn(self.pictures, self.seat, request) if self.pictures else request.observation.image
        return Picture(image), text

    def messages(self, question: Parts, reason: str | None = None, left_out: int = 0) -> tuple[Message, ...]:
        """The chat up to this question, without the `left_out` oldest turns. `reason` of a refusal comes last."""
        before = [*self.examples, *self.past[left_out:]]
        last = (*question, f"\n{REFUSED.format(reason=unmarked(clean(reason)))}") if reason else question
        questions = [*(one.question for one in before), last]
        questions[0] = (self.prompt.fixed, *questions[0])
        out = []
        for asked, told in zip(questions, [*(one.answer for one in before), None], strict=True):
            out.append(Message("user", joined(asked)))
            if told is not None:
                out.append(Message("assistant", (told,)))
        return tuple(out)

    def remember(self, tick: int, question: Parts, answer: str) -> None:
        """Keep this turn as history, if any is wanted. The answer is quoted without what was thought before it."""
        if not self.settings.history:
            return
        told = unmarked(reasoning(answer)[1].strip())
        if not self.settings.history_pictures:
            question = tuple(part for part in question if isinstance(part, str))
        if self.past and self.past[-1].tick == tick:  # it was asked again
            self.past.pop()
        self.past = [*self.past, Exchange(question, told or "(no answer)", tick)][-self.settings.history :]


def prompt_of(seat: OpenSeat, settings: Settings) -> Prompt:
    """The prompt that the settings name, for this seat's game. ValueError when there is none."""
    card = seat.card
    if settings.template is not None:
        return Prompt.of(settings.template, card, thoughts=settings.thoughts, own=True)
    if settings.prompt == "brief":
        return Prompt.of(BRIEF, card, thoughts=settings.thoughts)
    if settings.prompt not in card.prompts:
        known = ", ".join(sorted(card.prompts)) or "none"
        raise ValueError(f"{card.game} has no {settings.prompt!r} prompt for models; it has: {known}")
    full = settings.prompt != "short"  # nano was trained with the picture first, and in games without table talk
    return Prompt.of(card.prompts[settings.prompt], card, thoughts=settings.thoughts, split=full, talk=full)


def joined(parts: Parts) -> Parts:
    """The same with neighbouring texts as one, and no empty one."""
    out: list[str | Picture] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        elif part != "":
            out.append(part)
    return tuple(out)
