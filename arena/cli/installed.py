"""What is installed here: plugins (whether they load or not) and the distributions behind each extra."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from arena import commands, plugins
from arena.errors import InputError
from arena.game import Game, GameFamily
from arena.operator import OperatorKind

# A list of plugins must not end at the first broken one.
BROKEN = (InputError, *plugins.BROKEN)


@dataclass(frozen=True, slots=True)
class Found:
    """One plugin by name: what it is, or why it cannot be had."""

    name: str
    plugin: Any = None
    error: str = ""


def games() -> list[Found]:
    """Every game and every family of games by name; plugin is a type[Game] or a GameFamily."""
    return [game(name) for name in plugins.names("game")]


def game(name: str) -> Found:
    """One game or family. PluginNotFoundError when no such name is installed."""
    return _load(name, "game", plugins.game_plugin)


def member(name: str) -> Found:
    """One game of a family (`openspiel:hanabi`) or of a file (`./rps.py`). InputError when it cannot be made."""
    return Found(name, plugins.game_class(name))


def operators() -> list[Found]:
    """Every operator kind by name; plugin is an OperatorKind."""
    return [operator(name) for name in plugins.names("operator")]


def operator(name: str) -> Found:
    """One operator kind. PluginNotFoundError when no such name is installed."""
    return _load(name, "operator", plugins.operator_kind)


def workers() -> list[Found]:
    """Every worker kind by name; plugin is its module, not imported."""
    return [_load(name, "worker", plugins.worker_module) for name in plugins.names("worker")]


def runtimes() -> list[Found]:
    """Every declared runtime by name; plugin is a Runtime."""
    return [_load(name, "runtime", plugins.runtime) for name in plugins.names("runtime")]


def _load(name: str, what: str, load: Any) -> Found:
    if name not in plugins.names(what):
        load(name)  # says which names there are
    try:
        return Found(name, load(name))
    except BROKEN as error:
        text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        return Found(name, error=text)


def make_game(cls: type[Game]) -> Game:
    """The game at its fewest seats with default options. Any of BROKEN when the plugin is."""
    return cls(cls.spec.seats[0])


def missing(kind: OperatorKind | GameFamily) -> list[str]:
    """Distributions of its extra that are not installed here; empty when it can be seated, or played."""
    try:
        plugins.require_modules(repr(kind.name), kind.requires, kind.extra)
    except InputError:
        return [name for name, version in requirements(kind.extra) if version is None] or list(kind.requires)
    return [name for name, version in requirements(kind.extra) if version is None] if not kind.requires else []


def extras() -> list[str]:
    """The extras of the installed arena, in the order in which it declares them."""
    return metadata.metadata(commands.DISTRIBUTION).get_all("Provides-Extra") or []


def requirements(extra: str) -> list[tuple[str, str | None]]:
    """(distribution, installed version or None) of an extra, or with "" of the base; extras of extras included."""
    wanted = [one.name for one in commands.requirements(extra)]
    return list(zip(wanted, versions(wanted), strict=True))


def versions(names: Iterable[str]) -> list[str | None]:
    """Installed versions of distributions; None for one that is not installed."""
    out: list[str | None] = []
    for name in names:
        try:
            out.append(metadata.version(name))
        except metadata.PackageNotFoundError:
            out.append(None)
    return out
