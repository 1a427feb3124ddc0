"""Worked examples of how to answer, as earlier turns of the chat. They are made of the game's card alone.

A small model that is told a form does not keep to it; one that is shown it does. They come before all that changes from
turn to turn, so a server computes them once.
"""

from __future__ import annotations

from arena.game import GameCard
from arena_operators.vlm.backend import Message
from arena_operators.vlm.prompt import MARK

SHOWN = 4  # actions in an example's question
ASK = "Legal actions: {legal}.\nWhich do you choose?"
TURN = "{text}\n\n" + ASK  # the template of the question that follows


def examples(card: GameCard, count: int) -> tuple[Message, ...]:
    """`count` questions with their answers, the first after the rules. Each names another action, while there is one.

    No example says what is a good move: their positions are not told.
    """
    shown = card.actions[:SHOWN]
    ask = ASK.format(legal=", ".join(shown))
    out: list[Message] = []
    for number in range(count):
        action = shown[round(number * (len(shown) - 1) / max(count - 1, 1))]
        question = f"{card.rules}\n\n{ask}" if number == 0 else ask
        out += [Message("user", (question,)), Message("assistant", (f"{MARK} {action}",))]
    return tuple(out)
