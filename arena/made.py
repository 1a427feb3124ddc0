"""Hashes of files that can contain programs (pickles, games) and that this user's runs wrote or read here.

They stand in one file of the user's. Whoever can write to it can already run programs as this user, so a hash in it
needs no further trust.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from arena.canonical import hash_file
from arena.paths import expanded


def known_file() -> Path:
    """The file of the hashes, one a line."""
    return expanded(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "agent-arena" / "made-here"


def remember(path: Path) -> None:
    """Note that the file `path` is this user's own. Raises OSError if the note cannot be written."""
    known = known_file()
    known.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(known, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
        file.write(f"{hash_file(path)}\n")


def made_here(path: Path) -> bool:
    """Whether the file `path` is this user's own: `remember` was given these very bytes."""
    known = known_file()
    try:
        facts = known.stat()
        if facts.st_uid != os.getuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return False  # another user may have written it
        return hash_file(path) in known.read_text(encoding="utf-8").split()
    except OSError:
        return False
