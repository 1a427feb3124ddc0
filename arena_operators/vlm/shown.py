"""What a model would be asked, for `arena prompt`. No model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from arena.errors import InputError
from arena.game import Image
from arena.operator import OpenSeat, Request
from arena.prompts import MARK
from arena_operators.vlm import options
from arena_operators.vlm.backend import ModelAnswer
from arena_operators.vlm.checkpoint import Kind
from arena_operators.vlm.dialogue import Dialogue

Shown = list[tuple[str, list[str | Image]]]


def prompts(
    what: str,
    given: Mapping[str, Any],
    seat: OpenSeat,
    requests: Sequence[Request],
    answers: Sequence[str],
    kind: Kind = "vlm",
) -> Shown:
    """The messages of the last request, (role, parts) each. InputError where the options do not fit the game."""
    dialogue = Dialogue(options.settings(options.filled(what, given, kind), kind))
    try:
        dialogue.open([seat])
        for request, answer in zip(requests, answers, strict=False):
            turn = dialogue.turn(request)
            next(turn)
            try:
                turn.send(ModelAnswer(text=f"{MARK} {answer}"))
            except StopIteration:
                continue
        asked = next(dialogue.turn(requests[-1]))
    except ValueError as error:
        raise InputError(str(error)) from error
    return [
        (one.role, [part if isinstance(part, str) else part.pixels for part in one.parts]) for one in asked.messages
    ]


prompts_of_llm = partial(prompts, kind="llm")
