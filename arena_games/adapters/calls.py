"""`NAME(argument=value,...)` as a name and its arguments."""

from __future__ import annotations

import ast
from typing import Any


def parse(what: str) -> tuple[str, dict[str, Any]]:
    """Returns the name and the keyword arguments. A value that is not a Python literal is a string, e.g. map_name=8x8.

    Commas inside brackets or quotes belong to the value. Raises ValueError for a malformed `what`.
    """
    name, bracket, rest = what.partition("(")
    name = name.strip()
    if not bracket:
        return name, {}
    if not rest.rstrip().endswith(")"):
        raise ValueError(f"{what!r} has no closing bracket at its end; expected {name}(argument=value,...)")
    out: dict[str, Any] = {}
    for part in _parts(rest.rstrip()[:-1]):
        key, equals, value = part.partition("=")
        if not equals or not key.strip().isidentifier():
            raise ValueError(f"{part.strip()!r} in {what!r} is not argument=value")
        if key.strip() in out:
            raise ValueError(f"argument {key.strip()} is given twice in {what!r}")
        out[key.strip()] = _literal(value.strip())
    return name, out


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _parts(text: str) -> list[str]:
    out, start, depth, quote = [], 0, 0, ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            out.append(text[start:at])
            start = at + 1
    return [part for part in [*out, text[start:]] if part.strip()]
