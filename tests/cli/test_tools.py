"""`arena tools` and `arena check tool`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from arena import plugins
from arena.cli.catalogue_tools import tools
from arena.cli.check_tool import tool
from arena.errors import PluginNotFoundError

FILE = '''
from arena.tool import ToolContext, repeatable

count = [0]


@repeatable
def good(number: int, words: list[str]) -> str:
    """Repeats."""
    return str(words * number)


@repeatable
def forgetful() -> str:
    """Counts its calls, which no log knows."""
    count[0] += 1
    return str(count[0])


def divides(number: int) -> str:
    """Divides."""
    return str(1 // (number - 1))


def picky(number: int) -> str:
    """Takes nothing."""
    raise ValueError(f"not {number}")
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def checked(*given: str) -> tuple[int, dict[str, str]]:
    """(exit code, the state of each property)."""
    result = CliRunner().invoke(tool, [*given, "--json"])
    return result.exit_code, {one["test"]: one["state"] for one in json.loads(result.stdout)["findings"]}


def test_every_tool_is_listed_with_its_schema():
    listed = json.loads(CliRunner().invoke(tools, ["--json"]).stdout)
    assert [one["name"] for one in listed] == plugins.names("tool")
    assert all(one["arguments"]["properties"] and one["description"] for one in listed)


def test_a_tool_in_a_file_is_shown(file):
    out = CliRunner().invoke(tools, [f"{file}:good"], env={"COLUMNS": "80"}).output
    assert "Repeats." in out


def test_an_unknown_tool_is_named():
    with pytest.raises(PluginNotFoundError, match="Did you mean zoom"):
        CliRunner().invoke(tools, ["zom"], catch_exceptions=False)


@pytest.mark.parametrize("name", plugins.names("tool"))
def test_what_ships_fails_in_nothing(name):
    calls = {
        "zoom": '{"region": [0, 0, 50, 50]}',
        "calculate": '{"expression": "1 / 3"}',
        "notes": '{"action": "write", "text": "x"}',
    }
    code, states = checked(name, "--call", calls[name])
    assert code == 0
    assert set(states.values()) == {"passes"}


def test_arguments_are_made_up_where_none_are_given(file):
    assert checked(f"{file}:good") == (
        0,
        dict.fromkeys(("described", "strict", "errors", "works", "repeats"), "passes"),
    )


@pytest.mark.parametrize(
    ("name", "given", "property", "state"),
    [
        ("forgetful", (), "repeats", "fails"),
        ("divides", (), "errors", "fails"),
        ("divides", ("--call", '{"number": 3}'), "repeats", "not tested"),
        ("picky", (), "works", "not tested"),
        ("picky", ("--call", '{"number": 3}'), "works", "fails"),
    ],
)
def test_what_is_wrong_with_a_tool_is_found(file, name, given, property, state):
    code, states = checked(f"{file}:{name}", *given)
    assert states[property] == state
    assert code == (1 if state == "fails" else 0)
