"""Which file imports which: read from the code, so that the structure is what it is said to be.

Three sorts of imports are told apart. *At the top* is what runs when the module is imported, class bodies included.
*Late* is what stands in a function, and runs when that is called. *For types* is what stands under `TYPE_CHECKING`, and
never runs. A file is a circle with another where each can be reached from the other:

- over files of arena/, by imports of all three sorts: a late import or one for types only hides a circle from Python;
- over rooms of arena/ (a file that lies directly in it, or a folder there), at the top or late.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("arena", "arena_games", "arena_operators", "arena_workers")
# What must never import what, at the top or late.
INWARD = {
    "arena.match": ("arena.supervisor", "arena.evaluate", "arena.cli"),
    "arena.scheduler": ("arena.supervisor", "arena.evaluate", "arena.cli"),
    "arena.channel": ("arena.supervisor", "arena.evaluate", "arena.cli"),
    "arena.log": ("arena.supervisor", "arena.evaluate", "arena.cli"),
}


class Imports(NamedTuple):
    """What a file imports, as modules."""

    top: set[str]
    late: set[str]
    types: set[str]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def read(text: str) -> Imports:
    found = Imports(set(), set(), set())

    def visit(node: ast.AST, into: set[str]) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                    visit(child, found.late if into is found.top else into)
                case ast.If() if "TYPE_CHECKING" in ast.unparse(child.test):
                    visit(ast.Module(child.body, []), found.types)
                    visit(ast.Module(child.orelse, []), into)
                case ast.Import():
                    into.update(alias.name for alias in child.names)
                case ast.ImportFrom():
                    assert child.module is not None, "a relative import"
                    into.update(
                        inner if (inner := f"{child.module}.{alias.name}") in FILES else child.module
                        for alias in child.names
                    )
                case _:
                    visit(child, into)

    visit(ast.parse(text), found.top)
    return found


IMPORTS = {name: read(path.read_text()) for name, path in FILES.items()}


def circles(arrows: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """The groups of nodes each of which is reached from every other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(node: str) -> Iterator[list[str]]:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(arrows.get(node, ())):
            if other not in index:
                yield from visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            group = sorted(stack[at:])
            del stack[at:]
            if len(group) > 1:
                yield group

    for node in sorted(arrows):
        if node not in index:
            yield from visit(node)


def of_arena(name: str) -> bool:
    return name == "arena" or name.startswith("arena.")


def room(name: str) -> str:
    """The file or folder directly in arena/ that a module lies in."""
    return ".".join(name.split(".")[:2])


def test_no_files_of_the_arena_import_each_other_in_a_circle():
    arrows = {
        name: {other for kind in imports for other in kind if other in FILES and of_arena(other) and other != name}
        for name, imports in IMPORTS.items()
        if of_arena(name)
    }
    assert list(circles(arrows)) == []


def test_no_rooms_of_the_arena_import_each_other_in_a_circle():
    arrows: dict[str, set[str]] = {}
    for name, imports in IMPORTS.items():
        if name.startswith("arena."):
            others = {room(other) for other in imports.top | imports.late if other.startswith("arena.")}
            arrows.setdefault(room(name), set()).update(others - {room(name)})
    assert list(circles(arrows)) == []


@pytest.mark.parametrize("inner", INWARD)
def test_what_decides_knows_nothing_of_what_runs_it(inner):
    """Also not by way of others."""
    reached, todo = {inner}, [inner]
    while todo:
        imports = IMPORTS[todo.pop()]
        new = {other for other in imports.top | imports.late if other in FILES and other not in reached}
        reached |= new
        todo += new
    outer = sorted(name for name in reached if name.startswith(INWARD[inner]))
    assert outer == []


@pytest.mark.parametrize(
    ("who", "never", "but"),
    [
        ("arena", ("arena_games", "arena_operators", "arena_workers"), ()),
        ("arena", ("torch",), ("arena.train",)),
        ("arena_games", ("arena_operators",), ()),
        ("arena_operators", ("arena_games",), ()),
    ],
)
def test_arrows_point_inward(who, never, but):
    """At the top, late or for types."""
    found = [
        (name, other)
        for name, imports in IMPORTS.items()
        if name.split(".")[0] == who and not name.startswith(but or ("-",))
        for kind in imports
        for other in kind
        if other.split(".")[0] in never
    ]
    assert found == []
