"""Paths as a user writes them."""

from __future__ import annotations

from pathlib import Path

from arena.errors import InputError


class HomeError(InputError, ValueError):
    """A path begins with a home folder that is not known. Games, too, may raise it as what is wrong with an option."""


def expanded(path: str | Path) -> Path:
    """`path` with `~`, or `~NAME`, at its beginning replaced by that home folder. Raises HomeError if none is known."""
    path = Path(path)
    try:
        return path.expanduser()
    except RuntimeError as error:
        home = path.parts[0]
        todo = "Set HOME, or write the whole path" if home == "~" else "Write the whole path"
        raise HomeError(f"{path}: no home folder {home!r} is known here. {todo}") from error
