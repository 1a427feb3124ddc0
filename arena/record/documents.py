"""The JSON files of a run folder: one that cannot be read is named, with what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

import arena
from arena.errors import RecordError

Kind = TypeVar("Kind")


class OtherVersionError(RecordError):
    """A file of a run folder has the format of another version of the arena."""


def read_json(path: Path, kind: type[Kind], *, format: int | None = None) -> Kind:
    """The content of `path` as a `kind`.

    format: that its field `format` must have. RecordError, in words, for a file that is empty, torn, or not as this
    version writes it; OtherVersionError for one of another format; FileNotFoundError if there is none.
    """
    data = path.read_bytes()
    if not data.strip():
        raise RecordError(f"{path} is damaged: it is empty")
    try:
        if format is None:
            return msgspec.json.decode(data, type=kind)
        found: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
        if found.get("format") != format:
            raise _other(path, found, format)
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise RecordError(
            f"{path} is not as agent-arena {arena.__version__} writes it ({error}): another version wrote it, or it "
            "was changed"
        ) from error
    except msgspec.DecodeError as error:
        raise RecordError(f"{path} is damaged: {error}") from error


def _other(path: Path, found: dict[str, Any], format: int) -> RecordError:
    """What a file is that has not this format."""
    version, written = found.get("arena"), found.get("format")
    reads = f"agent-arena {arena.__version__} reads format {format}"
    if not isinstance(written, int):
        return RecordError(f"{path} names no format ({reads}): it was changed, or is no such file")
    by = "another version of the arena"
    if isinstance(version, str) and version != arena.__version__:
        by = f"agent-arena {version}. That version reads it"
    return OtherVersionError(f"{path} has format {written}, {reads}: it was written by {by}")


def close(one: object, other: object) -> bool:
    """Equal, but for the last digits that another processor may compute."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-6 * max(1.0, abs(one), abs(other))
    return one == other
