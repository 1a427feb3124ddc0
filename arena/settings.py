"""The settings of a declared thing by their dotted keys (`learn.share`), and messages about wrong ones."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from arena import names
from arena.options import TYPES

WORDS = TYPES | {"array": "a list", "object": "a table", "null": "none"}  # of msgspec's types
CLOSE, BESIDE = 0.6, 0.1  # similarity of a key that is suggested; how much less than the best one's it may be
SHORTEST = 3  # letters of a part that is looked for inside of keys
_ERROR = re.compile(r"(Expected|Invalid enum value) (.*?)(?:, got `[^`]*`)?(?: - at `\$(.*)`)?")


def is_part(kind: Any) -> bool:
    """Whether a type has settings of its own."""
    return isinstance(kind, type) and (dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct))


def keys(kind: type, before: str = "") -> Iterator[str]:
    """All settings, those of parts too."""
    for name, hint in get_type_hints(kind).items():
        if is_part(hint):
            yield from keys(hint, f"{before}{name}.")
        else:
            yield before + name


def nearest_key(given: str, kind: type) -> str:
    """The sentence after "there is no": the nearest settings; "" if there is none."""
    close = near_keys(given, kind)
    return f"Did you mean {' or '.join(close[:3])}?" if close else ""


def near_keys(given: str, kind: type) -> list[str]:
    """Settings whose last part has what was typed in it, or as its initials, and then those with a similar key or last

    part of it.
    """
    part, _, last = given.rpartition(".")
    scores, holds = {}, {}
    for key in keys(kind):
        before, _, name = key.rpartition(".")
        whole, end = _likeness(given, key), _likeness(last, name)
        scores[key] = ((whole + end) / 2 if "." in given else max(whole, end), whole)
        initials = "".join(word[:1] for word in name.split("_"))
        if (len(last) >= SHORTEST and last in name) or (len(last) > 1 and last == initials):
            holds[key] = (before == part, name == last, last == initials or f"_{name}".find(f"_{last}") >= 0)
    best = max((score for score, _ in scores.values()), default=0.0)
    close = {key for key, (score, _) in scores.items() if score >= max(CLOSE, best - BESIDE)}
    close |= {key for key, (_, equal, _) in holds.items() if not equal}
    return sorted(close, key=lambda key: (key in holds, holds.get(key, ()), scores[key], key), reverse=True)


def wrong_value(error: str, fields: Any, kind: Any) -> str:
    """What a ValidationError says of a value in `fields`: its key, what it is, and what was expected."""
    found = _ERROR.fullmatch(error)
    if found is None:
        return error.replace("Object missing required field", "there is no").replace(" - at `$.", " in `")
    path = re.findall(r"\.(\w+)|\[(\d+)\]", (found[3] or "").split("[...]")[0])
    value, hint = fields, kind
    for name, index in path:
        value = value[name] if name else value[int(index)]
        hint = _below(hint, name)
    expected = _expected(found[2]) if found[1] == "Expected" else f"one of {', '.join(map(str, _choices(hint)))}"
    key = "".join(f".{name}" if name else f"[{index}]" for name, index in path).removeprefix(".")
    said = f"{key}={value!r}: " if key else ""
    return f"{names.hidden(said)}expected {expected}{' in it' if '[...]' in (found[3] or '') else ''}"


def _expected(text: str) -> str:
    """msgspec's names of types, in words."""
    return re.sub(r"`([^`]+)`", lambda found: " or ".join(WORDS.get(one, one) for one in found[1].split(" | ")), text)


def _below(hint: Any, name: str) -> Any:
    if name and is_part(hint):
        return get_type_hints(hint).get(name)
    inner = get_args(hint)
    return None if not inner else inner[-1] if get_origin(hint) is Mapping else inner[0]


def _choices(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(choice for one in get_args(hint) for choice in _choices(one))


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()
