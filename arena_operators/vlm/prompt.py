"""The layout of the answer, for the operator and for training."""

from __future__ import annotations

from arena.game import GameCard, Observation
from arena.prompts import MARK, SAY

THINK, THOUGHT = "<think>", "</think>"  # what thinking models write around their thoughts


def lay_out(thought: str, answer: str) -> str:
    """The text that a model is trained to write."""
    return f"{thought}\n{MARK} {answer}"


def split(raw: str) -> tuple[str | None, str]:
    """Splits a text into (thought, answer) at the last "Answer:".

    Without that mark the whole text is the answer, which the game finds unparsable: nothing is repaired.
    """
    head, mark, tail = raw.rpartition(MARK)
    return (head.strip(), tail.strip()) if mark else (None, raw.strip())


def reasoning(raw: str) -> tuple[str | None, str]:
    """(thought, the rest) of what a thinking model wrote; a thought that does not end leaves nothing.

    Chat templates often end in <think>, so that a text begins within its thought.
    """
    head, end, tail = raw.partition(THOUGHT)
    opened = head.lstrip().startswith(THINK)
    if not end and not opened:
        return None, raw
    return head.lstrip().removeprefix(THINK).strip() or None, tail


def speech(thought: str | None) -> tuple[str | None, str | None]:
    """(thought, say): the last line of a thought that begins with "Say:" is what is said beside the answer."""
    lines = (thought or "").splitlines()
    for at in range(len(lines) - 1, -1, -1):
        if (line := lines[at].strip()).startswith(SAY):
            rest = "\n".join(lines[:at] + lines[at + 1 :]).strip()
            return rest or None, line.removeprefix(SAY).strip() or None
    return thought, None


def read(raw: str, card: GameCard, seen: Observation) -> tuple[str | None, str | None, str | None]:
    """(thought, say, answer) of what a model wrote.

    No answer where free text is accepted and nothing marks one: it would tell the others what was only thought.
    """
    thought, answer = split(raw)
    named = any(card.actions[action].lower() == answer.lower() for action in seen.legal)
    if seen.free_text and MARK not in raw and not named:
        return None, None, None
    if not seen.table_talk:
        return thought, None, answer
    thought, say = speech(thought)
    return thought, say, answer
