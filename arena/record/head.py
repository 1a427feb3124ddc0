"""run.json: what a run was to be and what it was played with, as data."""

from __future__ import annotations

from typing import Any

import msgspec

from arena.errors import RecordError
from arena.game import Views
from arena.plan import Limits


class NeededFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file, or a folder of files, that a run needs, known by its content."""

    hash: str
    files: dict[str, str] = {}  # of a folder: the hashes of those that are needed, by name; `hash` is over this
    beside: dict[str, str] = {}  # of a file: what belongs to it and stands beside it, likewise
    name: str
    path: str  # where it lay: looked at first, and only taken while it has this hash
    kept: bool = False  # a copy is in the run folder: files/HASH/NAME
    where: str = ""  # of an operator's: what names it: "kind", "what", or an option
    written: str = ""  # and how it is written there


class GameHead(msgspec.Struct, frozen=True, kw_only=True):
    name: str  # as plugins know it; of a game in a file with the file's name alone
    version: int
    options: dict[str, Any]  # with defaults filled in; of a file its hash
    unit: str
    returns: tuple[float, float] | None = None
    seeded: bool = True
    file: NeededFile | None = None  # it is defined in, where it is not installed
    files: dict[str, NeededFile] = {}  # files of the user's that it reads, by what the game calls them
    runtime: str | None = None
    engines: dict[str, str] = {}  # versions of what it is played with, by distribution


class OperatorHead(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: str
    given: str
    views: Views
    what: str = ""
    options: dict[str, Any] = {}
    file: str | None = None  # the hash of the file it is defined in, where it is not installed
    fingerprint: dict[str, str] = {}
    files: tuple[NeededFile, ...] = ()
    at: str | None = None
    determinism: str = "none"
    threads: int | None = None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What re-execution and going on need of run.json."""

    game: GameHead
    operators: tuple[OperatorHead, ...]
    seed: int
    matches: int
    mirror: bool = True
    people: bool = False  # somebody who remembers sat there
    limits: Limits
    arena: str = ""


def typed(head: dict[str, Any], folder: object) -> Head:
    """The head of the run in `folder`, checked. Raises RecordError."""
    try:
        return msgspec.convert(head, Head)
    except msgspec.ValidationError as error:
        raise RecordError(f"{folder}/run.json is damaged: {error}") from error
