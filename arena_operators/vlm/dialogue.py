"""From a request to what a model is asked, and from its answer to a Decision; no model runs here.

A turn is a generator: it yields what it asks the model, is sent the answer, and returns the Decision. So one text does
for a turn or several, and the same turn runs in a batch and against a server.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import msgspec

from arena import plugins
from arena.canonical import digest
from arena.game import Image
from arena.operator import Decision, OpenSeat, Outcome, Request, Usage, turn_key
from arena.prompts import MARK, Prompt
from arena_operators.vlm.backend import Message, ModelAnswer, ModelRequest, Sampling, TooLongError
from arena_operators.vlm.chat import Chat, Exchange, prompt_of
from arena_operators.vlm.examples import examples, worked
from arena_operators.vlm.prompt import read, reasoning
from arena_operators.vlm.tools import ToolUse
from arena_operators.vlm.unseen import Shown, pictures

Turn = Generator[ModelRequest, ModelAnswer, Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an operator asks its model."""

    prompt: str = "full"  # which of the game's prompts
    template: str | None = None  # the user's own, in place of the game's
    thoughts: bool = True  # the layout of the answer asks for a thought first
    history: int = 0  # earlier turns of the same seat in the same match that are told
    history_pictures: bool = False  # with their pictures
    examples: int = 0  # answered questions that come before the first one
    sampling: Sampling = field(default_factory=Sampling)
    picture: bool = True  # the model sees; else it reads only
    pictures: Shown = "true"  # what it sees, and what stands in its place
    choices: bool = False  # an answer is one of the legal actions, and nothing is thought or said before it
    decide: bool = False  # nothing is written: a legal action is taken by the chances of all
    tools: tuple[str, ...] = ()  # that the model may use in a turn: names, or functions in files
    tool_calls: int = 0  # of them in a turn, at most

    def check_context(self, context: int | None) -> None:
        """ValueError when an answer alone fills the context of the model, as far as that is known."""
        longest = self.sampling.max_tokens
        if context is not None and longest >= context and not self.decide:
            raise ValueError(
                f"@max_tokens={longest}: the model's context has {context:,} tokens, for the prompt and the answer. "
                "Leave room for the prompt"
            )


class Dialogue:
    """The turns of the seats that one operator sits in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.chats: dict[tuple[int, int], Chat] = {}
        self._begun: dict[str, tuple[Prompt, Sequence[Exchange], Sequence[Image]]] = {}  # by the game's card
        self.tools = {one.name: one for one in plugins.tools("+".join(settings.tools))} if settings.tools else {}
        self._notes: dict[tuple[int, int], list[str]] = {}  # of tools, by seat

    def open(self, seats: Sequence[OpenSeat]) -> None:
        """ValueError when the game has not what the model is asked with."""
        for seat in seats:
            if self.settings.picture and (seat.views.image is None or not seat.views.text):
                raise ValueError(f"{seat.operator} needs the image and text views of {seat.card.game}")
            if not seat.views.text:
                raise ValueError(f"{seat.operator} needs the text view of {seat.card.game}")
            self.chats[seat.match, seat.seat] = self._chat(seat)
            self._notes[seat.match, seat.seat] = []

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        """The seat is released."""
        self.chats.pop((match, seat), None)
        self._notes.pop((match, seat), None)

    def _chat(self, seat: OpenSeat) -> Chat:
        """A new chat. What it begins with is made once for each card: the same in every match of a game."""
        which = digest(seat.card)
        if which not in self._begun:
            prompt, settings = prompt_of(seat, self.settings), self.settings
            shown: Sequence[Exchange] = ()
            if settings.prompt == "brief" and settings.template is None:
                shown = worked(seat.card, settings.examples)
            elif settings.examples:
                shown = examples(seat, prompt, settings.examples, thoughts=settings.thoughts)
            self._begun[which] = prompt, shown, pictures(seat, settings.pictures)
        return Chat(seat, self.settings, *self._begun[which])

    def turn(self, request: Request) -> Turn:
        """Asks the model what `request` asks.

        Where a TooLongError is thrown in, it asks again without the oldest turn that is told; it raises the error when
        there is none left.
        """
        place = request.match, request.seat
        chat = self.chats[place]
        seat, question, left_out = chat.seat, chat.question(request), 0
        use = ToolUse(self.tools, self.settings.tool_calls, self._notes[place], request, turn_key(seat, request))
        while True:
            try:
                answer = yield ModelRequest(
                    messages=use.after(chat.messages(question, request.reason, left_out)),
                    key=use.key,
                    sampling=self.settings.sampling,
                    choices=self._choices(request) if self.settings.choices or self.settings.decide else (),
                    decide=self.settings.decide,
                    tokens=seat.tokens,
                )
            except TooLongError as error:
                if left_out == len(chat.past):
                    raise TooLongError(f"{error}. {self._advice(left_out)}") from error
                left_out += 1
                continue
            if not use.takes(answer):
                break
        if place in self._notes:  # only now: a turn that is given up, and asked anew, has noted nothing
            self._notes[place] = use.notes
        told = use.decided(decision(answer, seat, request))
        if left_out:
            usage = msgspec.structs.replace(told.usage or Usage(), dropped=left_out)
            told = msgspec.structs.replace(told, usage=usage)
        chat.remember(request.tick, question, answer.text)
        return told

    def _advice(self, left_out: int) -> str:
        """What makes a prompt shorter, where no earlier turn is told any more."""
        shorter = {
            "a smaller picture (@image=)": self.settings.picture,
            "fewer examples (@examples=)": self.settings.examples,
            "fewer calls of tools (@tool_calls=)": self.settings.tools,
            "a shorter prompt (@prompt=)": True,
            "fewer tokens for the answer (@max_tokens=)": not self.settings.decide,
        }
        already = f"All {left_out} earlier turns are left out already. " if left_out else ""
        return f"{already}Try {', '.join(what for what, there in shorter.items() if there)}"

    def _choices(self, request: Request) -> tuple[str, ...]:
        """The answers that a model may give, as the prompt asks for them."""
        actions = self.chats[request.match, request.seat].seat.card.actions
        return tuple(f"{MARK} {actions[action]}" for action in request.observation.legal)

    def messages(self, request: Request) -> tuple[Message, ...]:
        """What the model is asked for this request."""
        chat = self.chats[request.match, request.seat]
        return chat.messages(chat.question(request), request.reason)


def decision(answer: ModelAnswer, seat: OpenSeat, request: Request) -> Decision:
    """What the model's text comes to. A refusal is no answer, nor is a text that was cut off: none becomes a move."""
    inner, text = reasoning(answer.text)
    thought, say, reply = read(text, seat.card, request.observation)
    thoughts = [part for part in (answer.thought, inner, thought, chances(answer, seat, request)) if part]
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


def chances(answer: ModelAnswer, seat: OpenSeat, request: Request) -> str | None:
    """The chance of each legal action as a line of JSON, {"raise": 0.61, ...}, in their order and to 6 digits."""
    if answer.chances is None:
        return None
    legal = (seat.card.actions[action] for action in request.observation.legal)
    return json.dumps(
        {name: round(one, 6) for name, one in zip(legal, answer.chances, strict=True)}, ensure_ascii=False
    )
