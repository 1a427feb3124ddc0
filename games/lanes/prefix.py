"""Recorded actions that are played before a match begins (`@from=FILE`), so that it starts later in the level.

The file is JSON: {"actions": "macro", "skip": 8, "names": ["right run", "right run jump", ...]}.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from games.lanes.actions import SETS, frames_of


class Prefix(msgspec.Struct, frozen=True):
    """The content of such a file."""

    names: list[str]
    actions: str = "macro"
    skip: int = 8


def read(path: str) -> list[tuple[int, int]]:
    """(buttons, frames) of each recorded action. ValueError says what of the file is wrong."""
    try:
        given = msgspec.json.decode(Path(path).expanduser().read_bytes(), type=Prefix)
    except OSError as error:
        raise ValueError(f"@from={path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ValueError(f"@from={path}: {error}; expected {__doc__.splitlines()[-2]}") from error  # type: ignore[union-attr]
    if given.actions not in SETS:
        raise ValueError(f"@from={path}: actions {given.actions!r}: expected one of {', '.join(SETS)}")
    known = SETS[given.actions]
    unknown = [name for name in given.names if name not in known]
    if unknown:
        raise ValueError(f"@from={path}: no action is called {unknown[0]!r}; there is: {', '.join(known)}")
    return [(int(known[name]), frames_of(given.actions, known[name], given.skip)) for name in given.names]
