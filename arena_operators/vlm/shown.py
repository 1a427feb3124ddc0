"""What a model would be asked, for `arena prompt` and for exports of what was played. No model is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from typing import Any

from arena.errors import InputError
from arena.game import Image
from arena.operator import OpenSeat, Request
from arena_operators.vlm import options
from arena_operators.vlm.backend import ModelAnswer
from arena_operators.vlm.checkpoint import Kind
from arena_operators.vlm.dialogue import Dialogue

Shown = list[tuple[str, list[str | Image]]]


def prompts(
    what: str,
    given: Mapping[str, Any],
    seat: OpenSeat,
    requests: Iterable[Request],
    answers: Iterable[str],
    kind: Kind = "vlm",
) -> Iterator[Shown]:
    """The messages of each request, (role, parts) each, given the texts that answered those before it.

    InputError where the options do not fit the game.
    """
    dialogue = Dialogue(options.settings(options.filled(what, given, kind), kind))
    try:
        dialogue.open([seat])
        for request, answer in zip_longest(requests, answers, fillvalue=""):
            assert isinstance(request, Request)
            turn = dialogue.turn(request)
            asked = next(turn)
            yield [
                (one.role, [part if isinstance(part, str) else part.pixels for part in one.parts])
                for one in asked.messages
            ]
            try:
                turn.send(ModelAnswer(text=answer))
            except StopIteration:
                continue
    except ValueError as error:
        raise InputError(str(error)) from error


prompts_of_llm = partial(prompts, kind="llm")
