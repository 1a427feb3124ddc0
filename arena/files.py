"""Plugins in a user's Python file: `./rps.py:RockPaperScissors`. Nothing needs to be installed.

A file is loaded once a process, as a module with a unique name. It can import installed packages, but no
file beside it.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from arena.canonical import digest, hash_file
from arena.errors import ArenaError, InputError, nearest, out_of_memory
from arena.names import parse
from arena.paths import expanded

PREFIX = "arena_file_"  # prefix of the module's name
# Errors that importing a user's module may raise.
BROKEN = (
    *(ImportError, SyntaxError, AttributeError, TypeError, ValueError, NameError, LookupError, OSError),
    *(ArithmeticError, AssertionError, RuntimeError),
)


def unreadable(path: Path, error: OSError) -> InputError:
    """The error to raise for a file that is missing or cannot be read."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"there is no file {str(path)!r}")
    return InputError(f"{path} cannot be read: {error.strerror}")


class Source(SourceFileLoader):
    """Compiles the file as it is now: nothing is written beside it, and no cache of an earlier one is read.

    A run folder keeps such files, and holds what was played and nothing else.
    """

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file."""
        return self.source_to_code(self.get_data(self.path), self.path)


def module(path: Path) -> ModuleType:
    """Imports this file as a module. Raises InputError if it is missing or cannot be imported."""
    path = expanded(path).resolve()
    name = f"{PREFIX}{path.stem}_{digest(str(path))[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise unreadable(path, FileNotFoundError())
    spec = importlib.util.spec_from_file_location(name, path, loader=Source(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made  # dataclasses and msgspec look their module up
    try:
        spec.loader.exec_module(made)
    except BROKEN as error:
        del sys.modules[name]
        line = _line(error, path)
        where = f", line {line}" if line else ""
        raise InputError(f"{path}{where} cannot be imported: {type(error).__name__}: {error}") from error
    return made


def _line(error: BaseException, path: Path) -> int | None:
    """The line of this file that raised the error."""
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)


def load(path: Path, name: str, sort: type) -> Any:
    """Returns the class or object of this sort called `name` in the file; without a name, the only one it defines.

    For a class `sort`, subclasses that the file itself defines are looked for, and instances; for functions, its own
    public ones. One object with two names is one object.
    """
    made = module(path)
    found = {key: value for key, value in vars(made).items() if _is(value, sort, made)}
    if not name:
        first = {id(value): key for key, value in reversed(found.items())}  # the first name of each object
        if len(first) == 1:
            return found[next(iter(first.values()))]
        names = sorted(first.values())
        there = f"there are {', '.join(names)}: name one, e.g. {path}:{names[0]}" if names else "there is none"
        raise InputError(f"{path} does not define exactly one {sort.__name__}: {there}")
    if name not in found:
        raise InputError(f"{path} defines no {sort.__name__} called {name!r}. {nearest(name, found)}")
    return found[name]


def function(name: str, takes: Sequence[str]) -> Callable[..., Any]:
    """The function of "FILE.py:FUNCTION". `takes`: the names of what it is called with.

    InputError if there is none, or one that takes other things; when it is called, for what fails in it, with its line.
    """
    parsed = parse(name)
    if not parsed.is_file:
        raise InputError(f"{name!r} names no function: expected FILE.py:FUNCTION")
    found = load(Path(parsed.kind), parsed.what, FunctionType)
    if inspect.iscoroutinefunction(found):
        raise InputError(f"{name} is asynchronous, and is called as it is: leave async out")
    signature = inspect.signature(found, follow_wrapped=False)  # a wrapper may take fewer things than what it wraps
    try:
        signature.bind(*takes)
    except TypeError:
        own = ", ".join(signature.parameters)
        raise InputError(f"{name} takes ({own}), and is called with ({', '.join(takes)})") from None

    @functools.wraps(found)
    def called(*values: Any) -> Any:
        try:
            return found(*values)
        except ArenaError:
            raise
        except Exception as error:  # also a class of its own
            if out_of_memory(error):
                raise
            line = _line(error, expanded(Path(parsed.kind)).resolve())
            where = f", line {line}" if line else ""
            raise InputError(
                f"{parsed.kind}{where}: {found.__name__} raised {type(error).__name__}: {error}"
            ) from error

    return called


def _is(value: object, sort: type, made: ModuleType) -> bool:
    if isinstance(value, type):
        return issubclass(value, sort) and value.__module__ == made.__name__
    if isinstance(value, FunctionType):
        own = value.__module__ == made.__name__ and not value.__name__.startswith("_")
        return own and issubclass(FunctionType, sort)
    return isinstance(value, sort)


def fingerprint(name: str) -> str | None:
    """The hash of a plugin's file; None for an installed plugin. Raises InputError if the file is gone."""
    parsed = parse(name)
    if not parsed.is_file:
        return None
    try:
        return hash_file(Path(parsed.kind))
    except OSError as error:
        raise unreadable(Path(parsed.kind), error) from error
