"""`arena games` and `arena operators`: everything installed is listed, whatever its state."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from arena import plugins
from arena.cli.catalogue import games, operators
from arena.errors import PluginNotFoundError
from tests.cli.broken import broken_plugins  # noqa: F401


@pytest.mark.parametrize(("command", "what"), [(games, "game"), (operators, "operator")])
def test_every_installed_plugin_is_listed(command, what):
    out = CliRunner().invoke(command, env={"COLUMNS": "80"}).output
    listed = {line.split()[0] for line in out.splitlines() if line and line[0] != " "}
    assert set(plugins.names(what)) <= listed


@pytest.mark.parametrize("command", [games, operators])
def test_the_list_fits_80_columns(command):
    out = CliRunner().invoke(command, env={"COLUMNS": "80"}).output
    assert max(map(len, out.splitlines())) <= 80


def test_a_game_is_shown_with_its_options_and_rules():
    out = CliRunner().invoke(games, ["kuhn"], env={"COLUMNS": "80"}).output
    assert "@hands=1 " in out
    assert "Kuhn poker for 2 players" in out


def test_an_operator_is_shown_with_what_it_gets_of_each_game():
    out = CliRunner().invoke(operators, ["scripted"], env={"COLUMNS": "80"}).output
    assert set(plugins.names("game")) <= {line.split()[0] for line in out.splitlines() if line.strip()}


@pytest.mark.parametrize(("command", "what"), [(games, "game"), (operators, "operator")])
def test_json_lists_the_same_names(command, what):
    out = json.loads(CliRunner().invoke(command, ["--json"]).output)
    assert [entry["name"] for entry in out] == plugins.names(what)


@pytest.mark.usefixtures("broken_plugins")
@pytest.mark.parametrize("arguments", [[], ["--json"]])
@pytest.mark.parametrize(
    ("command", "reasons"),
    [(games, ["No module named 'no_such_package'", "SyntaxError"]), (operators, ["no_such_package", "NO_SUCH_NAME"])],
)
def test_a_plugin_that_cannot_be_imported_is_listed_with_the_reason(command, reasons, arguments):
    result = CliRunner().invoke(command, arguments, env={"COLUMNS": "400"})
    assert result.exit_code == 0
    assert all(reason in result.output for reason in reasons)


@pytest.mark.parametrize(("command", "what"), [(games, "game"), (operators, "operator")])
def test_an_unknown_name_says_which_there_are(command, what):
    error = CliRunner().invoke(command, ["xyzzy"]).exception
    assert isinstance(error, PluginNotFoundError)
    assert plugins.names(what)[0] in str(error)


def test_a_missing_extra_comes_with_the_command(monkeypatch):
    monkeypatch.setattr("arena.plugins.importlib.util.find_spec", lambda name: None)
    out = CliRunner().invoke(operators, ["vlm"], env={"COLUMNS": "200"}).output
    assert "pip install 'agent-arena[vlm]'" in out
