"""What a model is asked and how its answer is laid out: one place, for the operator and for the recipe that trains."""

from __future__ import annotations

from arena.game import GameCard, Observation

MARK = "Answer:"


def fill(card: GameCard, observation: Observation, which: str) -> str:
    """The game's prompt `which` ("short" or "full") for one moment."""
    legal = ", ".join(card.actions[action] for action in observation.legal)
    facts = {**(observation.facts or {}), "text": observation.text or "", "legal": legal}
    return card.prompts[which].format_map(facts)


def lay_out(thought: str, answer: str) -> str:
    """What a model is taught to write."""
    return f"{thought}\n{MARK} {answer}"


def split(raw: str) -> tuple[str | None, str]:
    """(thought, answer): what stands before and after the last "Answer:".

    Without that mark the whole text is the answer, so that the game finds it unparsable: nothing is repaired.
    """
    head, mark, tail = raw.rpartition(MARK)
    return (head.strip(), tail.strip()) if mark else (None, raw.strip())
