"""Help that is read: nothing is cut off, options stand under headings, the documents that are named exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from arena.cli.help import PLAY
from arena.cli.lazy import Group
from arena.cli.main import cli
from arena.cli.play import play
from arena.train.vlm.config import presets

ROOT = Path(__file__).parent.parent.parent


def shown(*args: str, width: int = 80) -> str:
    done = CliRunner().invoke(cli, [*args, "--help"], terminal_width=width)
    assert done.exit_code == 0
    return done.output


def groups(command: click.Command = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return []
    context = click.Context(command)
    below = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [path, *(one for name, sub in below for one in groups(sub, (*path, name)))]


@pytest.mark.parametrize("path", groups(), ids=" ".join)
def test_what_a_command_does_is_not_cut_off(path):
    commands = shown(*path).partition("Commands:")[2]
    assert commands.strip()
    assert "..." not in commands


@pytest.mark.parametrize("path", groups(), ids=" ".join)
def test_what_the_group_says_of_a_command_is_what_the_command_says(path):
    group: click.Command = cli
    for name in path:
        group = group.get_command(click.Context(group), name)  # type: ignore[attr-defined]
    assert isinstance(group, Group)
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        assert group.summary(click.Context(group), name) == command.get_short_help_str(limit=1000)


def test_help_imports_no_command():
    code = (
        "import atexit, sys\n"
        "heavy = ('numpy', 'rich', 'zmq', 'msgspec')\n"
        "atexit.register(lambda: print([name for name in sys.modules if name in heavy]))\n"
        "sys.argv = ['arena', '--help']\n"
        "from arena.cli.main import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def every(command: click.Command = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """All commands and groups."""
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    below = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [path, *(one for name, sub in below if sub for one in every(sub, (*path, name)))]


def test_h_is_help_of_every_command_and_group():
    """In a process of its own: click keeps the names of the option for help that were asked for first."""
    code = (
        "from click.testing import CliRunner\n"
        "from arena.cli.main import cli\n"
        f"for path in {every()}:\n"
        "    short = CliRunner().invoke(cli, [*path, '-h'])\n"
        "    assert (short.exit_code, short.output) == (0, CliRunner().invoke(cli, [*path, '--help']).output), path\n"
        "    assert short.output.startswith('Usage: '), path\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", [*every(), ("export", "model"), ("export", "adapter")], ids=" ".join)
def test_defaults_and_kinds_of_values_are_told_in_one_way(path):
    text = " ".join(shown(*path).split())
    assert not re.search(r"[Dd]efault: \(|\((the )?default|Default: |\bINTEGER\b|\bFLOAT\b|\bRANGE\b|HXW", text)


def test_what_a_training_needs_without_a_trial_is_marked():
    assert "Folder of the training. [required without --dry-run]" in " ".join(shown("train", "vlm").split())


def test_the_command_of_a_worker_is_not_told_as_if_it_could_be_left_out():
    assert shown("check", "worker").splitlines()[0].endswith("check worker [OPTIONS] -- COMMAND...")


def test_presets_are_listed_with_what_each_is():
    done = CliRunner().invoke(cli, ["train", "vlm", "--presets"], terminal_width=200)
    assert done.exit_code == 0
    told = dict(re.split(r"\s{2,}", line) for line in done.output.splitlines())
    assert set(told) == set(presets())
    assert told["sidescroller-nano"] == "nano alone on the train levels of the sidescroller"
    assert "180 updates)" in told["odysseus"]


def test_every_option_of_play_stands_once_under_a_heading():
    text = shown("play")
    for param in play.params:
        assert len(re.findall(rf"^  (?:-\w, )?{param.opts[0]}\b", text, re.MULTILINE)) == 1
    assert all(f"{heading}:" in text for heading in PLAY)


@pytest.mark.parametrize("path", [(), ("play",), ("check",)], ids=" ".join)
def test_help_fits_80_columns(path):
    assert max(map(len, shown(*path).splitlines())) <= 80


def test_documents_that_messages_name_exist():
    named = set()
    for room in ("arena", "operators", "workers", "games", "scripts"):
        for path in (ROOT / room).rglob("*.py"):
            named |= set(re.findall(r"\bdocs/[\w-]+\.md\b", path.read_text()))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
