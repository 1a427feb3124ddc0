"""Finds games, operators and workers by entry point. Third parties add theirs in the same three groups."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from arena.errors import InputError, MissingExtraError, PluginNotFoundError, nearest
from arena.game import Game
from arena.operator import OperatorKind

# What a foreign module may raise when it is imported or looks at itself. An import is no process boundary.
BROKEN = (ImportError, SyntaxError, AttributeError, TypeError, ValueError, NameError, LookupError, OSError)
GROUPS = {"game": "arena.games", "operator": "arena.operators", "worker": "arena.workers"}


def names(what: str) -> list[str]:
    """Names of the installed plugins of one sort ("game", "operator" or "worker"), sorted."""
    return sorted({point.name for point in entry_points(group=GROUPS[what])})


def _find(what: str, name: str) -> EntryPoint:
    found = [point for point in entry_points(group=GROUPS[what]) if point.name == name]
    if not found:
        raise PluginNotFoundError(
            f"no {what} is called {name!r}. {nearest(name, names(what))} `arena {what}s` lists them with their options."
        )
    if len({point.value for point in found}) > 1:
        values = ", ".join(sorted(point.value for point in found))
        raise InputError(f"{what} {name!r} is defined more than once: {values}. Uninstall one of the packages.")
    return found[0]


def _load(what: str, name: str) -> Any:
    point = _find(what, name)
    try:
        return point.load()
    except BROKEN as error:
        raise InputError(
            f"{what} {name!r} ({point.value}) cannot be imported: {type(error).__name__}: {error}"
        ) from error


def game_class(name: str) -> type[Game]:
    """The game's class; PluginNotFoundError names near ones."""
    cls = _load("game", name)
    if not (isinstance(cls, type) and issubclass(cls, Game)):
        raise InputError(f"game {name!r} is {cls!r}, which is no arena.game.Game")
    return cls


def operator_kind(name: str) -> OperatorKind:
    """The operator's description; PluginNotFoundError names near ones."""
    kind = _load("operator", name)
    if not isinstance(kind, OperatorKind):
        raise InputError(f"operator {name!r} is {kind!r}, which is no arena.operator.OperatorKind")
    return kind


def worker_module(name: str) -> str:
    """The module that is run as `python -P -m MODULE` for this worker kind."""
    return _find("worker", name).value


def require_modules(kind: OperatorKind) -> None:
    """MissingExtraError with the exact command when a module that `kind` needs is not installed."""
    missing = [module for module in kind.requires if not installed(module)]
    if missing:
        raise MissingExtraError(
            f"operator {kind.name!r} needs {', '.join(missing)}, not installed here. "
            f"Install it with: pip install 'agent-arena[{kind.extra}]'"
        )


def installed(module: str) -> bool:
    """Whether `module` can be found, without importing it (its parents are)."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent is missing
        return False


def resolve(target: str) -> Callable[..., Any]:
    """The object named by "package.module:name"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
