"""A griffe extension: what our docstrings and comments say, as the site's reference shows it.

The contracts say in comments what a field holds: behind it, below it, or, for several lines, above it. Docstrings
have lines such as `seats: at the table` for parameters: those become a list.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import Any

import griffe

LINE = re.compile(r"^\s*#(?!:)\s?(.*)$")


class Comments(griffe.Extension):
    """Documents attributes that have no docstring, and lists parameters."""

    def on_function_instance(self, *, func: griffe.Function, **_: Any) -> None:
        if func.docstring is not None:
            func.docstring.value = _listed(func.docstring.value, {one.name for one in func.parameters})

    def on_attribute_instance(self, *, node: Any, attr: griffe.Attribute, **_: Any) -> None:
        if attr.docstring is not None or not isinstance(node, ast.AST) or attr.lineno is None:
            return
        lines = attr.lines_collection[attr.filepath]
        last = attr.endlineno or attr.lineno
        text = (
            _within(lines[attr.lineno - 1 : last])
            or _block(lines[last:], named=attr.name)
            or _block(reversed(lines[: attr.lineno - 1]))
        )
        if text:
            attr.docstring = griffe.Docstring(text, parent=attr, lineno=attr.lineno)


def _listed(text: str, names: set[str]) -> str:
    """The text with a list where lines begin with a parameter's name and a colon."""
    out: list[str] = []
    for line in text.splitlines():
        name, colon, rest = line.partition(": ")
        if colon and name.strip("`") in names:
            out += ["", f"- `{name.strip('`')}`: {rest}"]
        else:
            out.append(line)
    return "\n".join(out)


def _within(lines: list[str]) -> str:
    """The comments inside a statement."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO("\n".join(lines).strip() + "\n").readline))
    except (tokenize.TokenError, IndentationError):
        return ""
    return _prose([token.string for token in tokens if token.type == tokenize.COMMENT])


def _block(lines: Any, named: str = "") -> str:
    """The lines of comment that begin `lines` (read upwards where no name is given).

    What follows a field is about it if it begins with its name, or if it is the last thing in its paragraph.
    """
    out: list[str] = []
    after = ""
    for line in lines:
        if not LINE.match(line):
            after = line
            break
        out.append(line)
    if not named:
        return _prose(out[::-1])
    about = out and (LINE.match(out[0])[1].startswith(named) or not after.strip())  # type: ignore[index]
    return _prose(out) if about else ""


def _prose(lines: list[str]) -> str:
    found = (LINE.match(line) for line in lines if not re.search(r"#\s*(noqa|type:)", line))
    return " ".join(match[1].strip() for match in found if match)
