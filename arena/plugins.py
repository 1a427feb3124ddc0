"""Finds games, operators, tools, workers and runtimes: by entry point, or in a Python file that is named. Third parties

add theirs in the same groups.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from arena import commands, files
from arena.errors import InputError, MissingExtraError, PluginNotFoundError, nearest
from arena.game import Game, GameFamily
from arena.names import Name, parse
from arena.operator import OperatorKind

if TYPE_CHECKING:
    from arena.runtime import Runtime
    from arena.tool import Tool

BROKEN = files.BROKEN  # errors that importing a third-party module may raise; an import is no process boundary
GROUPS = {
    "game": "arena.games",
    "operator": "arena.operators",
    "tool": "arena.tools",
    "worker": "arena.workers",
    "runtime": "arena.runtimes",
}
OURS = "agent-arena"  # this package's distribution
LISTED_BY = {"runtime": ("env", "list")}  # where it is not `arena games`, `arena operators`


def _points(what: str) -> Sequence[EntryPoint]:
    """The installed plugins of one sort."""
    return _installed(GROUPS[what], tuple(sys.path))


@lru_cache(maxsize=len(GROUPS))
def _installed(group: str, _: tuple[str, ...]) -> Sequence[EntryPoint]:
    """All packages are looked through once for each path of imports: that takes milliseconds, and names are many."""
    return tuple(entry_points(group=group))


def _behind(name: str) -> str:
    """The sentence for what is written behind an operator's colon and stands alone: a model that ships."""
    for point in _points("operator"):
        with contextlib.suppress(*BROKEN):  # of another's plugin: what is wrong with it is said where it is named
            kind = point.load()
            if name in [part.split()[0] for part in kind.what.split("|") if part.strip()]:
                return f"Did you mean {kind.name}:{name}?"
    return ""


def names(what: str) -> list[str]:
    """Names of the installed plugins of one sort ("game", "operator", "tool", ...), sorted."""
    return sorted({point.name for point in _points(what)})


def _find(what: str, name: str) -> EntryPoint:
    found = [point for point in _points(what) if point.name == name]
    if not found:
        file = f"./{name}.py"
        here = (
            f"To take the file of that name here, write {file}. "
            if what in ("game", "operator", "tool") and Path(file).is_file()
            else ""
        )
        near = (_behind(name) if what == "operator" else "") or nearest(name, names(what))
        raise PluginNotFoundError(
            f"no {what} is called {name!r}. {here}{near} "
            f"`{commands.arena(*LISTED_BY.get(what, (f'{what}s',)))}` lists them all."
            f"{_elsewhere(name) if what == 'game' else ''}"
        )
    if len({point.value for point in found}) > 1:
        values = ", ".join(sorted(point.value for point in found))
        raise InputError(f"{what} {name!r} is defined more than once: {values}. Uninstall one of the packages.")
    return found[0]


def _elsewhere(name: str) -> str:
    """The sentence that games of other libraries are named with these, and an example that has the name in it."""
    found = []
    for point in _points("game"):
        if point.attr.isupper():  # a constant: to import every game takes seconds
            with contextlib.suppress(*BROKEN):
                found.append(point.load())
    families = [one for one in found if isinstance(one, GameFamily) and one.foreign]
    near = next((text for one in families for text in one.examples if name.casefold() in text.casefold()), "")
    near = f", e.g. {near}" if near else ""
    named = ", ".join(f"{one.name}:NAME" for one in sorted(families, key=lambda one: one.name))
    return f" Games of other libraries are written {named}{near} (docs/adapters.md)." if named else ""


def _load(what: str, name: str) -> Any:
    point = _find(what, name)
    try:
        return point.load()
    except BROKEN as error:
        raise InputError(
            f"{what} {name!r} ({point.value}) cannot be imported: {type(error).__name__}: {error}"
        ) from error


def game_class(text: str) -> type[Game]:
    """The game's class by its name without options: `kuhn`, `openspiel:hanabi`, `./rps.py:RockPaperScissors`.

    PluginNotFoundError names near ones; InputError says what of the name is wrong.
    """
    name = parse(text)
    if name.options:
        raise InputError(f"game {text!r}: options are not part of a game's name here")
    found = files.load(Path(name.kind), name.what, Game) if name.is_file else _load("game", name.kind)
    if isinstance(found, GameFamily):
        return _member(found, name.what)
    if not (isinstance(found, type) and issubclass(found, Game)):
        raise InputError(f"game {name.kind!r} is {found!r}, which is not an arena.game.Game")
    if name.what and not name.is_file:
        raise InputError(f"game {text!r}: {name.kind} takes nothing after a colon; its options follow '@'")
    return found


def is_foreign(text: str) -> bool:
    """Whether this game is third-party code: a file, another library's environment, another distribution's plugin.

    It is then played in a game host, unless the user says otherwise. Nothing of it is imported here.
    """
    name = parse(text)
    if name.is_file:
        return True
    point = _find("game", name.kind)
    if point.dist is None or point.dist.name.replace("_", "-").lower() != OURS:
        return True
    found = _load("game", name.kind)
    return isinstance(found, GameFamily) and found.foreign


def game_plugin(name: str) -> type[Game] | GameFamily:
    """The game or family that is installed under this name."""
    found = _load("game", name)
    return found if isinstance(found, GameFamily) else game_class(name)


def _member(family: GameFamily, what: str) -> type[Game]:
    """The game that `what` names in a family."""
    what = what or family.default
    if not what:
        raise InputError(
            f"game {family.name!r} needs a name after a colon ({family.what}), e.g. {', '.join(family.examples)}"
        )
    require_modules(f"game {family.name!r}", family.requires, family.extra)
    try:
        cls = resolve(family.make)(what)
    except ValueError as error:
        raise InputError(f"game {family.name}:{what}: {error}") from error
    assert isinstance(cls, type)
    assert issubclass(cls, Game)
    return cls


def operator_kind(name: str) -> OperatorKind:
    """The operator's description by its kind; PluginNotFoundError names near ones."""
    kind = _load("operator", name)
    if not isinstance(kind, OperatorKind):
        raise InputError(f"operator {name!r} is {kind!r}, which is not an arena.operator.OperatorKind")
    return kind


def named_operator(name: Name, given: str) -> tuple[OperatorKind, str]:
    """The kind that an operator's name means, and what stands behind its colon. InputError, in terms of `given`."""
    if name.is_file:
        return operator_in_file(name.kind, name.what), ""
    kind = operator_kind(name.kind)
    if name.what and not kind.what:
        raise InputError(f"operator {given!r}: {kind.name} takes nothing after a colon")
    return kind, name.what


def operator_in_file(path: str, what: str) -> OperatorKind:
    """The description that stands in a file as `what`; without `what`, the only one there."""
    kind = files.load(Path(path), what, OperatorKind)
    assert isinstance(kind, OperatorKind)
    return kind


def runtime(text: str) -> Runtime:
    """A runtime's definition by its name, or by `./plugin.py` or `./plugin.py:NAME`.

    PluginNotFoundError names near ones; InputError says what is wrong with which definition.
    """
    from arena.runtime import Runtime

    name = parse(text)
    if name.options or (name.what and not name.is_file):
        raise InputError(f"runtime {text!r}: expected a name alone, or a file: ./plugin.py or ./plugin.py:RUNTIME")
    found = files.load(Path(name.kind), name.what, Runtime) if name.is_file else _load("runtime", name.kind)
    if not isinstance(found, Runtime):
        raise InputError(f"runtime {text!r} is {found!r}, which is not an arena.runtime.Runtime")
    if not name.is_file and found.name != name.kind:
        raise InputError(f"the runtime installed as {name.kind!r} calls itself {found.name!r}: its package is broken")
    return found


def tool(text: str) -> Tool:
    """The tool by its name (`zoom`), or `./tools.py` or `./tools.py:FUNCTION`: a function in a file, by its own name.

    PluginNotFoundError names near ones; InputError says what is wrong with which function.
    """
    from arena.tool import tool_of

    name = parse(text)
    if name.options or (name.what and not name.is_file):
        raise InputError(f"tool {text!r}: expected a name alone, or a file: ./tools.py or ./tools.py:FUNCTION")
    if not name.is_file:
        return tool_of(_load("tool", name.kind), name.kind)
    found = tool_of(files.load(Path(name.kind), name.what, FunctionType))
    if found.name in names("tool"):
        raise InputError(f"tool {text!r} is called {found.name}, as an installed one: give the function another name")
    return found


def tools(text: str) -> list[Tool]:
    """The tools of a list: `zoom+notes+./mine.py:odds`. InputError as `tool`, and for a name that comes twice."""
    out: dict[str, Tool] = {}
    for word in text.split("+"):
        found = tool(word)
        if found.name in out:
            raise InputError(f"tools {text!r}: {found.name} comes twice")
        out[found.name] = found
    return list(out.values())


def worker_module(name: str) -> str:
    """The module that is run as `python -P -m MODULE` for this worker kind."""
    return _find("worker", name).value


def require_modules(who: str, modules: Sequence[str], extra: str) -> None:
    """Raises MissingExtraError, with the exact command, if a module that `who` needs is not installed."""
    missing = [module for module in modules if not installed(module)]
    if missing:
        how = commands.how_to_install(extra) if extra else f"Install it with: {commands.pip(*missing)}"
        raise MissingExtraError(f"{who} needs {', '.join(missing)}, not installed here. {how}")


def installed(module: str) -> bool:
    """Whether `module` can be found, without importing it (its parents are)."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent is missing
        return False


def resolve(target: str) -> Callable[..., Any]:
    """The object named by "package.module:name", or by "/path/file.py:name"."""
    module, _, name = target.rpartition(":")
    found = files.module(Path(module)) if module.endswith(".py") else importlib.import_module(module)
    return getattr(found, name)  # type: ignore[no-any-return]
