"""Errors a user may meet. Each says what is wrong, with which value, what was expected and what to do next.

`exit_code` is what the command line returns: 2 for bad input, 1 for a failure. Plugins raise plain Python
errors; the process boundaries turn them into the type of the boundary that was crossed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

ON_A_CPU = ("not enough memory", "can't allocate memory", "could not create a primitive")  # in torch's errors
CLOSE, BESIDE = 0.5, 0.1  # similarity of a name that is suggested; how much less than the best one's it may be


class ArenaError(Exception):
    """A failure that the user's input did not cause."""

    exit_code = 1


class InputError(ArenaError):
    """The user's input is wrong: a name, value, file or combination."""

    exit_code = 2


class PluginNotFoundError(InputError):
    """No game, operator or worker of that name is installed."""


class UnplayableError(InputError):
    """This operator cannot play this game: a view, a space or a seat count does not fit."""


class MissingExtraError(InputError):
    """A plugin needs an optional dependency that is not installed."""


class CheckpointError(InputError):
    """Weights or a policy file are missing, corrupt, or made for something else."""


class ProtocolError(ArenaError):
    """A peer broke the protocol: bytes that do not decode, or a message out of turn."""


class WorkerError(ArenaError):
    """A worker could not be started, died, or does not answer."""


class GameError(ArenaError):
    """A game's own code raised, or returned something invalid. It voids the match."""


class RecordError(InputError):
    """A run folder is missing, damaged, or written by another version."""


def sentence(text: object) -> str:
    """`text` with exactly one full stop, or its own mark, for others' words inside a longer message."""
    bare = str(text).rstrip(" .:;,")
    return bare if bare.endswith(("?", "!")) else bare + "."


def reason(error: Exception) -> str:
    """What the system says of a file, with the file's name where it is known; of another error its own words."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's, Arrow's or torch's, whose errors on a CPU have no class."""
    torchs = type(error).__name__ == "OutOfMemoryError" or any(said in str(error) for said in ON_A_CPU)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and torchs)


def some(names: Iterable[str], most: int = 8) -> str:
    """The first of many names, comma separated, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return (", ".join(every[:most]) or "none") + more


def nearest(name: str, known: Iterable[str], most: int | None = None) -> str:
    """The sentence after a "not found": similar names, in any case of letters, if there are any, else all names.

    `most`: of all names only so many, and how many more there are.
    """
    names = sorted(known)
    if close := _close(name, names):
        return f"Did you mean {' or '.join(close)}?"
    return f"There is: {some(names, most or len(names))}." if names else "There is none."


def _close(name: str, names: Iterable[str]) -> list[str]:
    """The nearest name first, and others only where they are about as near: a typo of one name is like many."""
    alike: dict[str, list[str]] = {}
    for one in names:
        alike.setdefault(one.casefold(), []).append(one)
    scores = {word: difflib.SequenceMatcher(None, name.casefold(), word).ratio() for word in alike}
    least = max(CLOSE, max(scores.values(), default=0.0) - BESIDE)
    # Of equals the last by name: the newer of two versions.
    near = sorted(
        (word for word in scores if scores[word] >= least), key=lambda word: (scores[word], word), reverse=True
    )
    return [one for word in near for one in alike[word]][:3]
