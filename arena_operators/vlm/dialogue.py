"""From a request to what a model is asked, and from its answer to a Decision; no model runs here.

A turn is a generator: it yields what it asks the model, is sent the answer, and returns the Decision. So one text does
for a turn or several, and the same turn runs in a batch and against a server.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from arena import plugins
from arena.operator import Decision, OpenSeat, Outcome, Request, turn_key
from arena_operators.vlm.backend import Message, ModelAnswer, ModelRequest, Picture, Sampling
from arena_operators.vlm.examples import TURN, examples
from arena_operators.vlm.prompt import MARK, fill_template, read, reasoning
from arena_operators.vlm.tools import ToolUse

Turn = Generator[ModelRequest, ModelAnswer, Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an operator asks its model."""

    prompt: str = "full"  # which of the game's prompts
    sampling: Sampling = field(default_factory=Sampling)
    picture: bool = True  # the model sees; else it reads only
    choices: bool = False  # an answer is one of the legal actions, and nothing is thought or said before it
    tools: tuple[str, ...] = ()  # that the model may use in a turn: names, or functions in files
    tool_calls: int = 0  # of them in a turn, at most
    examples: int = 0  # worked examples of how to answer, and a short question in place of the game's prompt


class Dialogue:
    """The turns of the seats that one operator sits in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.seats: dict[tuple[int, int], OpenSeat] = {}
        self.tools = {one.name: one for one in plugins.tools("+".join(settings.tools))} if settings.tools else {}
        self._notes: dict[tuple[int, int], list[str]] = {}  # of tools, by seat

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """ValueError when the game has not what the model is asked with."""
        for seat in seats:
            if self.settings.prompt not in seat.card.prompts:
                known = ", ".join(sorted(seat.card.prompts)) or "none"
                raise ValueError(f"{seat.card.game} has no {self.settings.prompt!r} prompt for models; it has: {known}")
            if self.settings.picture and (seat.views.image is None or not seat.views.text):
                raise ValueError(f"{seat.operator} needs the image and text views of {seat.card.game}")
            if not seat.views.text:
                raise ValueError(f"{seat.operator} needs the text view of {seat.card.game}")
            self.seats[seat.match, seat.seat] = seat
            self._notes[seat.match, seat.seat] = []

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        """The seat is released."""
        self.seats.pop((match, seat), None)
        self._notes.pop((match, seat), None)

    def turn(self, request: Request) -> Turn:
        """Asks the model what `request` asks."""
        seat = self.seats[request.match, request.seat]
        place = request.match, request.seat
        use = ToolUse(self.tools, self.settings.tool_calls, self._notes[place], request, turn_key(seat, request))
        while True:
            answer = yield ModelRequest(
                messages=use.after(self.messages(request)),
                key=use.key,
                sampling=self.settings.sampling,
                choices=self._choices(request) if self.settings.choices else (),
                tokens=seat.tokens,
            )
            if not use.takes(answer):
                break
        if place in self._notes:  # only now: a turn that is given up, and asked anew, has noted nothing
            self._notes[place] = use.notes
        return use.decided(decision(answer, seat, request))

    def _choices(self, request: Request) -> tuple[str, ...]:
        """The answers that a model may give, as the prompt asks for them."""
        actions = self.seats[request.match, request.seat].card.actions
        return tuple(f"{MARK} {actions[action]}" for action in request.observation.legal)

    def messages(self, request: Request) -> tuple[Message, ...]:
        """The game's prompt for this request, with its picture; examples come before it."""
        seat = self.seats[request.match, request.seat]
        shown = examples(seat.card, self.settings.examples)
        template = TURN if shown else seat.card.prompts[self.settings.prompt]
        prompt = fill_template(template, seat.card, request.observation, seat.seats)
        if request.reason and self.settings.prompt == "full":
            prompt += f"\nYour last answer was refused: {request.reason}"
        if not self.settings.picture:
            return (*shown, Message("user", (prompt,)))
        if request.observation.image is None:
            raise ValueError(f"match {request.match} seat {request.seat} tick {request.tick}: the picture is missing")
        return (*shown, Message("user", (Picture(request.observation.image), prompt)))


def decision(answer: ModelAnswer, seat: OpenSeat, request: Request) -> Decision:
    """What the model's text comes to. A refusal is no answer, nor is a text that was cut off: none becomes a move."""
    inner, text = reasoning(answer.text)
    thought, say, reply = read(text, seat.card, request.observation)
    thoughts = [part for part in (answer.thought, inner, thought) if part]
    wrong = None
    if answer.refusal is not None or answer.finish == "content_filter":
        wrong = f"the model refused to answer: {answer.refusal or 'its content filter stopped it'}"
    elif answer.finish == "length":
        wrong = f"cut off after {answer.usage.completion} tokens: @max_tokens= gives it more"
    elif reply is None:
        wrong = f"no {MARK!r} in it: nothing of it is said"
    return Decision(
        answer=reply,
        say=say,
        fault=None if wrong is None else "unparsable",
        detail=wrong,
        thought="\n".join(thoughts) or thought,
        raw=answer.refusal if answer.refusal is not None and not answer.text else answer.text,
        prompt_tokens=answer.prompt_tokens if seat.tokens else None,
        tokens=answer.tokens if seat.tokens else None,
        logprobs=answer.logprobs if seat.tokens else None,
        finish_reason=answer.finish,
        weights_version=answer.weights_version,
        usage=answer.usage,
    )
