"""`cmd:'COMMAND'`: your own worker, in any language, that speaks the protocol of docs/protocol.md.

The command is started as given, without a shell, in the arena's working folder.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from arena.canonical import hash_file
from arena.errors import InputError, UnplayableError, sentence
from arena.game import GameSpec, Views
from arena.names import is_secret
from arena.operator import Determinism, OperatorKind, WorkerContext
from arena.options import Option

VIEWS = "text, vector, image, image:HEIGHTxWIDTH, joined by '+', or none"


def words(what: str) -> list[str]:
    """Splits the command into the program and its arguments as a shell does. Raises InputError if it cannot."""
    try:
        out = shlex.split(what)
    except ValueError as error:
        raise InputError(
            f"cmd:{what!r}: {sentence(error)} Quote it as for a shell: cmd:'./worker --fast \"two words\"'"
        ) from None
    if not out:
        raise InputError("cmd needs the command of a worker after the colon, e.g. cmd:'python my_worker.py'")
    return out


def program(name: str) -> str:
    """Returns the file to start for the command's first word: found on PATH or, with a slash, by its path.

    InputError says what is missing.
    """
    found = shutil.which(name)
    if found is not None:
        return os.path.abspath(found)
    if os.path.isfile(name) and os.access(name, os.X_OK):
        raise InputError(f"cmd: {name!r} is not on PATH. A program of this folder is written cmd:'./{name}'")
    if os.path.isfile(name):
        raise InputError(f"cmd: {name!r} cannot be run by itself. Name what runs it, e.g. cmd:'python {name}'")
    where = f"there is no file {os.path.abspath(name)!r}" if "/" in name else "no program of that name is on PATH"
    raise InputError(f"cmd: cannot start {name!r}: {where}")


def resolve_options(spec: GameSpec | None, what: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises InputError if the program is missing or the views are malformed."""
    given = words(what)
    program(given[0])
    for word in given[1:]:
        option, _, value = word.lstrip("-").partition("=")
        if word.startswith("-") and is_secret(option):
            raise InputError(
                f"cmd: the argument {word[: len(word) - len(value)]} looks like a secret, and a command stands in "
                "every record of a run. Give it in the environment, which the worker inherits and nobody records"
            )
    _wanted(options)
    return options


def command(what: str, options: Mapping[str, Any]) -> Sequence[str]:
    """Returns the command that is started."""
    first, *rest = words(what)
    return [program(first), *rest]


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    """The requested views; by default text and vector, or a picture if the game has neither."""
    wanted = _wanted(options)
    if wanted is None:
        cheap = Views(vector=spec.vector_shape is not None, text=spec.text)
        return cheap if cheap != Views() or not spec.image_sizes else Views(image=_smallest(spec))
    image = wanted.get("image")
    if image == "":
        image = _smallest(spec)
    return Views(image=image, vector="vector" in wanted, text="text" in wanted)


def _smallest(spec: GameSpec) -> tuple[int, int]:
    if not spec.image_sizes:
        raise UnplayableError(f"operator cmd cannot be given an image: {spec.id} draws none for a seat")
    return min(spec.image_sizes, key=lambda size: size[0] * size[1])


def _wanted(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Maps each requested view to its size ("" if none is given); None if @views= was not given."""
    text = options.get("views")
    if text is None:
        return None
    out: dict[str, Any] = {}
    for part in text.split("+") if text != "none" else ():
        name, colon, size = part.strip().partition(":")
        if name not in ("text", "vector", "image") or name in out or (colon and name != "image"):
            raise InputError(f"cmd@views={text}: {part!r} is not a view, or is there twice; expected {VIEWS}")
        out[name] = _size(size, text) if colon else ""
    return out


def _size(size: str, text: str) -> tuple[int, int]:
    height, x, width = size.partition("x")
    if not (x and height.isdecimal() and width.isdecimal()):
        raise InputError(f"cmd@views={text}: {size!r} is not a size; expected HEIGHTxWIDTH, e.g. image:128x128")
    return int(height), int(width)


def fingerprint(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Mapping[str, str]:
    """Hashes of the files that the command names: the program, scripts, weights. Folders are not hashed."""
    first, *rest = words(what)
    # `--weights=FILE` also names a file.
    named = {word.rpartition("=")[2]: word.rpartition("=")[2] for word in rest}
    files = {first: program(first), **named}
    # For a name that is too long, os.path.isfile is False, and Path.is_file raises an error.
    return {
        name: hash_file(Path(path)) for name, path in files.items() if name and os.path.isfile(path)
    }  # also False for what no file can be called


def declared(what: str, options: Mapping[str, Any]) -> Determinism:
    """The determinism that the user declares."""
    out: Determinism = options["determinism"]
    return out


def only_a_process(context: WorkerContext) -> NoReturn:
    """Raises ValueError: a command only runs as a process."""
    raise ValueError(f"cmd:{context.what!r} is a program and runs only as a process of its own")


KIND = OperatorKind(
    name="cmd",
    summary="your own worker in any language: a program that speaks the protocol of docs/protocol.md",
    target="arena_operators.cmd.kind:only_a_process",
    views=views,
    resolve_options=resolve_options,
    fingerprint=fingerprint,
    command=command,
    what="COMMAND, quoted; `arena check worker -- COMMAND` tests it",
    options={
        "views": Option("str", None, f"what it is shown: {VIEWS}. Default: the game's text and vector"),
        "determinism": Option(
            "str",
            "none",
            "your word for it: deterministic (same seeds, same answers, whatever is asked together), measured or none",
            choices=("deterministic", "measured", "none"),
        ),
    },
    determinism="none",
    declared=declared,
    licence="its own",
)
