"""What people are called in records: by an id that they were given, or a pseudonym that stays the same.

The key of the pseudonyms, $ARENA_HOME/people/key, is 32 random bytes: nobody who lacks it can tell whose one is.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from arena import names
from arena.errors import ArenaError, InputError
from arena.names import Name
from arena.options import Option
from arena.supervisor.runtime.home import home

PERSON = Option("str", None, "who it is: an id such as P07 stands as it is, a name becomes a pseudonym in all records")
NAMED = Option("bool", False, "keep the name of @person= as it is: it is then in the log")
_ID = re.compile(r"[A-Z]{1,3}\d{1,12}")
_LONGEST = 200


class PeopleError(ArenaError):
    """What the arena keeps of people cannot be read or written."""


def recorded(name: Name) -> Name:
    """The name of an operator as records have it: a person's name is replaced by a pseudonym, which stays the same.

    Raises InputError for a name that is none.
    """
    given = name.options.get("person")
    if given is None:
        return name
    try:
        named = NAMED.check("named", name.options.get("named", False))
    except ValueError as error:
        raise InputError(f"{name.base}: {error}") from None
    word = unicodedata.normalize("NFC", given).strip()
    if not word or len(word) > _LONGEST or not word.isprintable():
        raise InputError(f"{name.base}@person=: expected an id such as P07, or a name of 1 to {_LONGEST} characters")
    known = word if named or _ID.fullmatch(word) else pseudonym(word)
    return replace(name, options={**name.options, "person": known})


def renamed(operators: Iterable[str]) -> dict[str, str]:
    """The names that have pseudonyms, by pseudonym, of operators as they were given: to be shown, and not recorded."""
    given = [name for name in map(names.parse, operators) if "person" in name.options]
    pairs = {recorded(name).options["person"]: name.options["person"] for name in given}
    return {known: name for known, name in pairs.items() if known != name}


def pseudonym(name: str) -> str:
    """Equal for equal names, also in another case, under one ARENA_HOME. It is an id itself."""
    hashed = hashlib.blake2b(name.casefold().encode(), key=_key(), digest_size=8).digest()
    return f"P{int.from_bytes(hashed, 'big') % 10**10:010d}"


def folder() -> Path:
    """Where what is known of people is kept. Raises PeopleError if it cannot be made."""
    path = home() / "people"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise PeopleError(
            f"{path} cannot be made: {error.strerror or error}. It keeps who has met which deal: set ARENA_HOME to a "
            "folder that you may write into, or leave @person= out"
        ) from error
    return path


def _key() -> bytes:
    path = folder() / "key"
    part = path.with_name(f".key-{secrets.token_hex(8)}")
    try:
        if not path.exists():
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(32))
            with suppress(FileExistsError):
                os.link(part, path)  # the first one stays, whoever else writes one now
            part.unlink()
        found = path.read_bytes()
    except OSError as error:
        raise PeopleError(f"{path} cannot be read or written: {error.strerror or error}") from error
    if len(found) != 32:
        raise PeopleError(
            f"{path} is damaged: it has {len(found)} bytes, and 32 are expected. Put back the file that it was: with "
            "another one everybody gets another pseudonym"
        )
    return found
