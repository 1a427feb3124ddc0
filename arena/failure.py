"""Describes a plugin's exception: its type and message, and the line of the user's file that raised it."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

LONGEST = 500  # most characters of an exception's message
OURS = ("arena", "arena_workers", "arena_games.adapters")  # packages whose frames are not the cause


def told(error: BaseException) -> str:
    """One line such as `RuntimeError: no licence (rules.py, line 31, in step)`, without the file's folder.

    The line number is the last one in a user's file, or else in an installed package; without either it is left out.
    """
    words = " ".join(" ".join(traceback.format_exception_only(error)).split())
    if len(words) > LONGEST:
        words = words[: LONGEST - 3] + "..."
    where = line(error)
    return f"{words} ({where})" if where else words


def line(error: BaseException) -> str:
    """`rules.py, line 31, in step`, or nothing."""
    frames = [
        (frame.f_code.co_filename, number, frame.f_code.co_name)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if not _within(frame.f_globals.get("__name__", ""))
    ]
    own = [one for one in frames if not _installed(one[0])] or [one for one in frames if not _standard(one[0])]
    if not own:
        return ""
    file, number, name = own[-1]
    return f"{Path(file).name}, line {number}, in {name}"


def _within(module: str) -> bool:
    return any(module == ours or module.startswith(f"{ours}.") for ours in OURS)


def _installed(file: str) -> bool:
    """Whether the file belongs to an installed package or to Python."""
    return "site-packages" in Path(file).parts or "dist-packages" in Path(file).parts or _standard(file)


def _standard(file: str) -> bool:
    if file.startswith("<"):  # made by exec, as dataclasses do
        return True
    standard = Path(sysconfig.get_path("stdlib"))
    return Path(file).is_relative_to(standard) and not Path(file).is_relative_to(standard / "site-packages")
