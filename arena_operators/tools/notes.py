"""`notes`: what a seat writes down for itself in a match. No other seat sees it, and no other match."""

from __future__ import annotations

from typing import Literal

from arena.tool import ToolContext, repeatable

MOST = 2000  # characters of all notes


@repeatable
def notes(action: Literal["read", "write", "clear"], context: ToolContext, text: str = "") -> str:
    """Your own notes, kept until the match ends: "write" adds a line of text, "read" gives all lines, "clear" deletes
    them.
    """
    kept = context.notes
    match action:
        case "read":
            return "\n".join(kept) or "There are no notes yet."
        case "clear":
            kept.clear()
            return "The notes are empty now."
        case "write":
            line = " ".join(text.split())
            if not line:
                raise ValueError('"write" needs a text')
            used = sum(len(one) + 1 for one in kept)
            if used + len(line) + 1 > MOST:
                raise ValueError(f"{len(line)} characters do not fit: {used} of {MOST} are used; clear the notes first")
            kept.append(line)
            return f"Noted: {used + len(line) + 1} of {MOST} characters are used."
