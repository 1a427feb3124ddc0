"""Recorded actions that are played before a match begins (`@from=FILE`), so that it starts later in the level.

arena_games/lanes/record.py writes such a file from a run.
"""

from __future__ import annotations

import msgspec

from arena import commands
from arena.paths import expanded
from arena_games.lanes.actions import SETS, frames_of

FORM = '{"actions": "macro", "skip": 8, "names": ["right run", "right run jump", ...]}'
LONGEST = 60  # frames that an action of `macro` may be held


class Prefix(msgspec.Struct, frozen=True):
    """The content of such a file."""

    names: list[str]
    actions: str = "macro"
    skip: int = 8


def load(path: str) -> Prefix:
    """Reads the file. Raises ValueError, naming the file, if it is missing or malformed."""
    file = expanded(path)
    try:
        given = msgspec.json.decode(file.read_bytes(), type=Prefix)
    except OSError as error:
        raise ValueError(f"@from={path}: {error.strerror}: {file.resolve()}; {_how()}") from error
    except msgspec.DecodeError as error:
        raise ValueError(f"@from={path}: {error}; expected {FORM}; {_how()}") from error
    if given.actions not in SETS:
        raise ValueError(f"@from={path}: actions {given.actions!r}: expected one of {', '.join(SETS)}")
    if not 1 <= given.skip <= LONGEST:
        raise ValueError(f"@from={path}: skip {given.skip}: expected 1 to {LONGEST}")
    known = SETS[given.actions]
    unknown = [name for name in given.names if name not in known]
    if unknown:
        raise ValueError(f"@from={path}: no action is called {unknown[0]!r}; there is: {', '.join(known)}")
    return given


def read(path: str) -> list[tuple[int, int]]:
    """(buttons, frames) of each recorded action. Raises ValueError if the file is missing or malformed."""
    given = load(path)
    known = SETS[given.actions]
    return [(int(known[name]), frames_of(given.actions, known[name], given.skip)) for name in given.names]


def _how() -> str:
    record = commands.python("-m", "arena_games.lanes.record", "RUN", "--decisions", "60", "--out", "later.json")
    return f"make one of what was played with: {record}"
