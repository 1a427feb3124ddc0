"""Reads the timing file of a run: how long operators took, and why tries failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from arena.operator import Usage

MOST_REASONS = 100  # most reasons that are counted separately
OTHER = "other reasons"


class _Line(msgspec.Struct):
    type: str
    game: int = 0
    operator: str = ""
    seconds: float = 0.0
    fault: str = ""
    reason: str = ""


def turn_times(operator: str, seconds: float, usage: Usage | None) -> dict[str, Any]:
    """The fields of a turn's line that say what it took; of `usage` those that may differ between equal runs."""
    out: dict[str, Any] = {"operator": operator, "seconds": round(seconds, 6)}
    if usage is not None and usage.cached:
        out["cached"] = usage.cached
    if usage is not None and usage.first_token is not None:
        out["first_token"] = round(usage.first_token, 6)
    if usage is not None and usage.seconds is not None:
        out["model_seconds"] = round(usage.seconds, 6)
    return out


@dataclass(slots=True)
class Times:
    """Sums over the run so far."""

    seconds: dict[int, dict[str, tuple[int, float]]] = field(default_factory=dict)
    # by game and operator: answers, seconds waited for them
    voids: dict[str, int] = field(default_factory=dict)  # tries that did not count, by "fault: reason"


def read_times(path: Path) -> Times:
    """The sums of the timing file; empty without a file. Unreadable lines are skipped."""
    out = Times()
    decoder = msgspec.json.Decoder(_Line)
    if not path.is_file():
        return out
    with path.open("rb") as file:
        for text in file:
            try:
                line = decoder.decode(text)
            except msgspec.DecodeError:  # torn, or of a later version: nothing depends on it
                continue
            if line.type == "turn" and line.operator:
                of_game = out.seconds.setdefault(line.game, {})
                answers, seconds = of_game.get(line.operator, (0, 0.0))
                of_game[line.operator] = (answers + 1, seconds + line.seconds)
            elif line.type == "void":
                reason = f"{line.fault}: {line.reason}"
                if reason not in out.voids and len(out.voids) >= MOST_REASONS:
                    reason = OTHER
                out.voids[reason] = out.voids.get(reason, 0) + 1
    return out
