"""`arena new`: a working skeleton of a game, an operator or a worker, with its test."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal

import click

from arena import commands
from arena.cli.lazy import Group
from arena.cli.options import option
from arena.errors import InputError
from arena.names import Name

What = Literal["game", "operator", "worker"]


def _next(what: What, path: str, test: str) -> list[str]:
    """The next commands, quoted for a shell."""
    pytest = commands.python("-m", "pytest", test)
    matches = ("--matches", "20")
    if what == "game":
        play = commands.arena("play", "--game", path, "--operators", "scripted,random", *matches)
        return [commands.arena("check", "game", path), play, pytest]
    if what == "operator":
        play = commands.arena("play", "--game", "leduc", "--operators", f"{path},random", *matches)
        return [commands.arena("check", "operator", path), play, pytest]
    command = commands.python(path)
    players = f"{Name('cmd', command)},random"
    play = commands.arena("play", "--game", "leduc", "--operators", players, *matches)
    check = f"{commands.arena('check', 'worker', '--')} {command}"
    return [commands.pip("pyzmq", "msgpack"), check, play, pytest]


DIR = option(
    "--dir",
    "folder",
    default=".",
    show_default="here",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to.",
)


@click.group(cls=Group)
def new() -> None:
    """Write a working skeleton with its test: a game, an operator or a worker of your own."""


@new.command()
@click.argument("name")
@DIR
def game(name: str, folder: Path) -> None:
    """A game in one file, NAME.py, with a text view and a baseline, and test_NAME.py."""
    write("game", name, folder)


@new.command()
@click.argument("name")
@DIR
def operator(name: str, folder: Path) -> None:
    """An operator in one file, NAME.py, and test_NAME.py."""
    write("operator", name, folder)


@new.command()
@click.argument("name")
@DIR
def worker(name: str, folder: Path) -> None:
    """A worker in one file, NAME.py, that speaks the protocol without the arena's code, and test_NAME.py."""
    write("worker", name, folder)


def write(what: What, name: str, folder: Path) -> None:
    """Write both files and say what to do next. InputError for a bad name, or when one of them exists."""
    check_name(name)
    paths = [folder / f"{name}.py", folder / f"test_{name}.py"]
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise InputError(f"already there, and left as it is: {' and '.join(there)}. Choose another name, or --dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, kind in zip(paths, (what, f"test_{what}"), strict=True):
            with path.open("x", encoding="utf-8") as file:
                file.write(rendered(kind, name))
    except OSError as error:
        raise InputError(
            f"{error.filename or folder} cannot be written: {error.strerror}. Choose another --dir"
        ) from error
    shown = str(paths[0]) if paths[0].is_absolute() else f"./{paths[0]}"
    click.echo(f"{paths[0]}  a whole {what}: replace what it does by yours")
    click.echo(f"{paths[1]}  its test")
    click.echo("next:")
    for command in _next(what, shown, str(paths[1])):
        click.echo(f"  {command}")


TAKEN = ("arena", "arena_games", "arena_operators", "arena_workers", "zmq", "msgpack", "numpy")  # module names in use


def check_name(name: str) -> None:
    """InputError unless a module and a class can be called so."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        guess = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_").lower()
        hint = f", e.g. {guess}" if re.fullmatch(r"[a-z][a-z0-9_]*", guess) and not keyword.iskeyword(guess) else ""
        raise InputError(f"{name!r} is not a name for a Python file: expected letters, digits and _, no keyword{hint}")
    if len(name) > 100:
        raise InputError(f"{name[:20]}... has {len(name)} letters: expected at most 100")
    if name in sys.stdlib_module_names or name in TAKEN:
        raise InputError(
            f"{name!r} is the name of a module that is imported here already: choose another, e.g. my_{name}"
        )


def rendered(kind: str, name: str) -> str:
    """The text of a template for this name."""
    words = name.replace("_", " ").strip()
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)
    template = files("arena.cli").joinpath("templates", f"{kind}.py.txt").read_text(encoding="utf-8")
    return Template(template).substitute(name=name, Name=camel, title=words[:1].upper() + words[1:])
