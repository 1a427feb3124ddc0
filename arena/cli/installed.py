"""What is installed: plugins, whether or not they load, and the distributions of each extra."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from arena import commands, plugins
from arena.errors import InputError
from arena.game import GameFamily
from arena.operator import OperatorKind

# One broken plugin must not stop the list.
BROKEN = (InputError, *plugins.BROKEN)


@dataclass(frozen=True, slots=True)
class Found:
    """One plugin by name: the plugin, or why it cannot be loaded."""

    name: str
    plugin: Any = None
    error: str = ""


LOADERS: dict[str, Callable[[str], Any]] = {
    "game": plugins.game_plugin,  # a type[Game] or a GameFamily
    "operator": plugins.operator_kind,
    "tool": plugins.tool,  # a Tool
    "worker": plugins.worker_module,  # its module's name: it is not imported
    "runtime": plugins.runtime,
}


def every(what: str) -> list[Found]:
    """Every installed plugin of one sort, by name."""
    return [one(what, name) for name in plugins.names(what)]


def one(what: str, name: str) -> Found:
    """One installed plugin. PluginNotFoundError when no such name is installed."""
    load = LOADERS[what]
    if name not in plugins.names(what):
        load(name)  # raises an error that lists the names
    try:
        return Found(name, load(name))
    except BROKEN as error:
        return Found(name, error=str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}")


def missing(kind: OperatorKind | GameFamily) -> list[str]:
    """Distributions of its extra that are not installed; empty if the plugin can be used."""
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
