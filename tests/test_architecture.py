"""docs/architecture.md is true: what it names exists, where it says so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
SPAN = re.compile(r"`([^`]+)`")


def defined(path: Path) -> set[str]:
    """Names at the top of a file, and `Class.member` for what stands in its classes."""
    out: set[str] = set()

    def take(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            match node:
                case ast.ClassDef(name=name):
                    out.add(prefix + name)
                    take(node.body, f"{prefix}{name}.")
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    out.add(prefix + name)
                case ast.AnnAssign(target=ast.Name(id=name)):
                    out.add(prefix + name)
                case ast.Assign():
                    out.update(prefix + target.id for target in node.targets if isinstance(target, ast.Name))

    take(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return out


def claims() -> list[tuple[str, str]]:
    """Each file that the page names, and each name that it says stands there."""
    out = []
    for line in TEXT.splitlines():
        file = ""
        for span in SPAN.findall(line):
            if "/" in span:
                file = span
                out.append((file, ""))
            elif file and line.startswith("|"):
                out.append((file, span))
    return out


@pytest.mark.parametrize(("file", "name"), claims())
def test_what_the_page_names_exists(file: str, name: str) -> None:
    assert (ROOT / file).exists()
    if name:
        assert name in defined(ROOT / file)


def test_the_page_names_the_files_of_a_decisions_walk_in_order() -> None:
    files = [file for file, _ in claims()]
    walk = [
        "cli/play.py",
        "lineup.py",
        "play.py",
        "scheduler.py",
        "match.py",
        "channel.py",
        "host.py",
        "record/reader.py",
    ]
    places = [files.index(f"arena/{file}") for file in walk]
    assert places == sorted(places)


def unnamed(path: Path) -> list[str]:
    """The lines of a file that read or write text in the encoding of whoever's locale; JSON as we write it is ASCII."""
    out = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="read_text" | "write_text" as what), args=args, keywords=given):
                named = "encoding" in {one.arg for one in given} or len(args) > (what == "write_text")
                ascii_alone = any(re.match(r"json\.dumps\((?!.*ensure_ascii)", ast.unparse(one)) for one in args)
                if not named and not ascii_alone:
                    out.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return out


@pytest.mark.parametrize("package", ["arena", "arena_games", "arena_operators", "arena_workers"])
def test_text_is_read_and_written_as_utf_8_whatever_the_locale(package: str) -> None:
    """What ruff's PLW1514 does not see, since it knows few types."""
    assert [line for path in sorted((ROOT / package).rglob("*.py")) for line in unnamed(path)] == []
