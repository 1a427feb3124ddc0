"""The options that say what a model is told: their check, and the user's own prompt file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arena.errors import InputError, nearest
from arena.files import unreadable
from arena.options import Option
from arena.paths import expanded
from arena.prompts import Template
from arena_operators.vlm.checkpoint import Kind

SHIPPED = ("short", "full", "brief")
WORKED = 2  # examples of the brief prompt, unless another number is asked for
OPTIONS = {
    "prompt": Option(
        "str",
        None,
        "short or full, the game's own, brief, or a FILE of yours (default: short for nano, full otherwise)",
    ),
    "thoughts": Option("bool", True, "ask for a short thought before the answer"),
    "history": Option("int", 0, "tell it so many of its own last turns in the match", low=0, high=64),
    "history_pictures": Option("bool", False, "with the pictures that it saw in them"),
    "pictures": Option(
        "str",
        "true",
        "blank or shuffled (of other turns) in place of the true picture: tells what the model uses of it",
        choices=("true", "blank", "shuffled"),
    ),
    "examples": Option(
        "int", None, "begin with so many answered questions (default: 2 for the brief prompt, else 0)", low=0, high=16
    ),
}
PLAIN = {"thoughts": True, "history": 0, "history_pictures": False, "examples": 0}  # what nano was trained with


def check(options: Mapping[str, Any], kind: Kind, nano: bool) -> None:
    """InputError for a value that is none, for what does not go together, and for what nano was not trained with."""
    asked = {name: value for name, value in options.items() if value is not None}
    path = own_file(options)
    if path is not None:
        template(path, kind)
    other = next((name for name, value in PLAIN.items() if asked.get(name, value) != value), None)
    if nano and (path is not None or other is not None):
        value = asked[other or "prompt"]
        raise InputError(
            f"{kind}@{other or 'prompt'}={str(value).lower() if isinstance(value, bool) else value}: nano was trained "
            "with its short prompt and nothing beside it, and is lost with another: leave it out, or name a general "
            f"model ({kind}:DIR or {kind}:ORG/MODEL)"
        )
    if asked.get("history_pictures") and not asked.get("history"):
        raise InputError(f"{kind}@history_pictures=true goes with @history=K, the number of turns that are told")
    if asked.get("examples") and asked.get("prompt") == "short":
        raise InputError(
            f"{kind}@examples= goes with @prompt=full: the short prompt is about the picture, and no example has one"
        )


def own_file(options: Mapping[str, Any]) -> Path | None:
    """The user's prompt file, if the options name one."""
    name = options.get("prompt")
    return None if name is None or name in SHIPPED else expanded(name)


def template(path: Path, kind: Kind) -> str:
    """The text of a prompt file. InputError when there is none, or it is no template."""
    if not path.is_file():
        close = "" if "/" in str(path) or path.suffix else f" {nearest(str(path), SHIPPED)}"
        raise InputError(
            f"{kind}@prompt={path}: there is no such file, and those that ship are short, full and brief.{close}"
        )
    try:
        text = path.read_text(encoding="utf-8").strip()
        names = Template.parse(text).names
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:  # no UTF-8, or no template
        raise InputError(f"{kind}@prompt={path}: {error}") from None
    if not names:
        raise InputError(
            f"{kind}@prompt={path}: it has no fact, so every turn would be the same. Write {{text}} and {{legal}}"
        )
    return text
