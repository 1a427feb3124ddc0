"""Every command that the documentation shows works, or is on the list of those that no test can run."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest

from arena.cli.main import cli
from tests.docs_kit import BLOCK, DOCUMENTS, ROOT, bare, blocks, commands, files, name, sessions, shown
from tests.docs_not_run import REASONS

RUN, FAILS = "console run", "console fails"


def having(find) -> list:
    return [pytest.param(path, id=name(path)) for path in DOCUMENTS if find(path)]


class Shell:
    """Runs commands of one document in one folder, with the files that the document shows."""

    def __init__(self, path: Path, folder: Path) -> None:
        for file, text in files(path).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)
        if not (folder / "docs").exists():
            (folder / "docs").symlink_to(ROOT / "docs")
        bin, packages = Path(sys.executable).parent, folder / "packages"
        home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
        path_there = f"{bin}{os.pathsep}{os.environ['PATH']}"
        self._env = {**os.environ, **home, "PATH": path_there, "PYTHONPATH": str(packages), "COLUMNS": "200"}
        # Into a folder of the test's own: the environment is shared, and stays as it is.
        self._pip = f"{sys.executable} -m pip install -q --no-deps --no-build-isolation --target {packages}"
        self._folder = folder

    def __call__(self, command: str) -> tuple[int, str]:
        """The exit code and everything that was printed."""
        done = subprocess.run(
            ["bash", "-c", re.sub(r"^pip install", self._pip, command)],
            cwd=self._folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("path", having(lambda path: commands(path, RUN)))
def test_commands_run(path, tmp_path):
    shell = Shell(path, tmp_path)
    for command in commands(path, RUN):
        code, said = shell(command)
        assert code == 0, f"$ {command}\n{said}"


def failing() -> list:
    texts = [(path, text) for path in DOCUMENTS for info, text in blocks(path) if info == FAILS]
    return [pytest.param(path, text, id=f"{name(path)}-{number}") for number, (path, text) in enumerate(texts)]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "text"), failing())
def test_commands_fail_with_the_message_shown(path, text, tmp_path):
    shell = Shell(path, tmp_path)
    *before, (command, expected) = sessions(text)
    assert all(shell(one)[0] == 0 for one, _ in before)
    code, said = shell(command)
    assert code in (1, 2), f"$ {command}\nexit code {code}\n{said}"
    pattern = ".*".join(re.escape(piece.strip()) for piece in "\n".join(expected).strip().split("…"))
    assert re.search(pattern, said, re.DOTALL), f"$ {command}\nexpected {expected}\n{said}"


@cache
def source() -> list[str]:
    """Every text in the source, with "…" where something is filled in."""
    out = []
    for room in ("arena", "arena_operators", "arena_workers", "arena_games"):
        for path in sorted((ROOT / room).rglob("*.py")):
            out += [_text(node) for node in ast.walk(ast.parse(path.read_text())) if _text(node)]
    return out


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "…" for part in node.values)
    return ""


@pytest.mark.parametrize("path", having(lambda path: any(info == "text message" for info, _ in blocks(path))))
def test_messages_are_the_codes_own(path):
    """The parts of a message between "…" stand in one text of the source."""
    for info, text in blocks(path):
        if info == "text message":
            pieces = [piece for piece in text.strip().split("…") if len(piece.strip(" .,:;()")) > 1]
            assert any(all(piece in one for piece in pieces) for one in source()), f"nothing says {text.strip()!r}"


@pytest.mark.parametrize("path", having(shown))
def test_a_command_is_run_or_it_is_said_why_not(path):
    ran = {bare(command) for kind in (RUN, FAILS) for command in commands(path, kind)}
    left = [command for command in shown(path) if command not in ran and command not in REASONS]
    assert left == [], "show it in a ```console run block, or enter it in tests/docs_not_run.py with the reason"


def test_the_list_of_commands_that_are_not_run_is_not_stale():
    everywhere = {command for path in DOCUMENTS for command in shown(path)}
    assert [command for command in REASONS if command not in everywhere] == []


@pytest.mark.parametrize("path", having(lambda path: "arena " in path.read_text()))
def test_commands_and_options_that_are_named_exist(path):
    """In blocks and in prose: `arena play --max-ticks 5`."""
    spans = re.findall(r"`(arena [^`\n]+)`", BLOCK.sub("", path.read_text()))
    wrong = [(text, why) for text in (*shown(path), *spans) if (why := unknown(text))]
    assert wrong == []


@pytest.mark.parametrize("page", ["README.md", "docs/quick-start.md"])
def test_who_follows_the_first_pages_in_a_clone_leaves_nothing_that_git_sees(page):
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    left = []
    for command in shown(ROOT / page):
        words = shlex.split(command)
        places = [after for word, after in itertools.pairwise(words) if word in ("--out", "--dir")]
        if words[:2] == ["arena", "new"] and not places:
            places = ["."]
        left += [command for place in places if Path(place).parts[:1] not in [(one,) for one in ignored]]
    assert left == []


def unknown(text: str) -> str:
    """What of an `arena` command does not exist."""
    for part in re.split(r" && | · |; ", text):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.split()
        if words[:1] == ["arena"] and (why := _walk(words[1:])):
            return why
    return ""


def _walk(words: list[str]) -> str:
    command: click.Command = cli
    context = click.Context(cli)
    for word in words:
        if word == "--":
            break
        if word.startswith("-"):
            known = {one for param in (*command.params, *cli.params) for one in (*param.opts, *param.secondary_opts)}
            given = word.partition("=")[0]
            if given not in {*known, "--help", "-h"} and word not in ("-", "..."):
                return f"no option {given}"
        elif isinstance(command, click.Group) and word.islower() and not word.startswith("."):
            found = [command.get_command(context, one) for one in word.split("|")]
            if None in found:
                return f"no command {word}"
            command = found[0]
    return ""
