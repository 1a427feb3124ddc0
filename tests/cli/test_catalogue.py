"""`arena games` and `arena operators`: everything installed is listed, whatever its state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from arena import plugins
from arena.cli.catalogue import games, operators
from arena.cli.catalogue_tools import tools
from arena.errors import InputError, PluginNotFoundError
from arena_operators.vlm.checkpoint import adapters
from tests.cli.broken import broken_plugins  # noqa: F401


@pytest.mark.parametrize(("command", "what"), [(games, "game"), (operators, "operator")])
def test_every_installed_plugin_is_listed(command, what):
    out = CliRunner().invoke(command, env={"COLUMNS": "80"}).output
    listed = {line.split()[0] for line in out.splitlines() if line and line[0] != " "}
    assert set(plugins.names(what)) <= listed


@pytest.mark.parametrize(("command", "what"), [(games, "game"), (operators, "operator")])
def test_the_list_has_a_line_or_two_each_and_options_in_detail_alone(command, what):
    out = CliRunner().invoke(command, env={"COLUMNS": "400"}).output
    assert not [line for line in out.splitlines() if line.strip().startswith("@")]
    assert "One in detail, with its options:" in out
    assert len(out.split("\n\n")[0].splitlines()) <= 2 * len(plugins.names(what))


@pytest.mark.parametrize("width", ["60", "400"])
@pytest.mark.parametrize("args", [(games,), (games, "leduc"), (operators,), (operators, "random"), (tools,)])
def test_no_line_ends_in_spaces(args, width):
    command, *words = args
    out = CliRunner().invoke(command, words, env={"COLUMNS": width}).output
    assert out
    assert [line for line in out.splitlines() if line != line.rstrip()] == []


def test_the_adapters_that_ship_are_named_where_the_option_is_shown():
    out = " ".join(CliRunner().invoke(operators, ["vlm"], env={"COLUMNS": "400"}).output.split())
    assert f"one that ships, {' or '.join(sorted(adapters()))}" in out


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


def test_of_each_game_it_is_told_which_model_a_name_alone_means():
    games = json.loads(CliRunner().invoke(operators, ["vlm", "--json"]).output)[0]["games"]
    assert games["leduc"] == "image 128x128, text, as vlm:nano"
    assert games["blackjack"] == "image 128x128, text, as vlm:nano-games"
    assert games["sidescroller"] == "image 128x128, text, as vlm:nano-sidescroller"


def test_an_operator_in_a_file_is_shown():
    file = Path(__file__).parents[2] / "docs" / "examples" / "first_operator.py"
    out = CliRunner().invoke(operators, [str(file)], env={"COLUMNS": "200"}).output
    assert "repeats its last action" in out
    assert "@stubborn=0.9" in out


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
    out = CliRunner().invoke(operators, ["ppo"], env={"COLUMNS": "200"}).output
    assert "[ppo]'" in out


def shown(*arguments, columns=200):
    return CliRunner().invoke(games, [*arguments], env={"COLUMNS": str(columns)}, catch_exceptions=False).output


def test_a_family_says_what_follows_the_colon():
    out = shown("openspiel")
    assert "openspiel:... " in out
    assert "openspiel:tic_tac_toe" in out


def test_a_family_in_json_has_examples_that_are_games():
    family = json.loads(shown("openspiel", "--json"))[0]
    assert family["family"]
    assert all(plugins.game_class(example).spec.id == example for example in family["examples"])


def test_one_game_of_a_family_is_shown_like_any_game():
    out = shown("openspiel:tic_tac_toe")
    assert "Tic Tac Toe" in out
    assert "(0,0), (0,1)" in out
    assert json.loads(shown("openspiel:tic_tac_toe", "--json"))[0]["card"]["game"] == "openspiel:tic_tac_toe"


def test_a_wrong_game_of_a_family_is_told_the_near_ones():
    error = CliRunner().invoke(games, ["openspiel:tic_tac"]).exception
    assert isinstance(error, InputError)
    assert "Did you mean tic_tac_toe" in str(error)


def test_a_family_without_its_extra_comes_with_the_command(monkeypatch):
    monkeypatch.setattr("arena.plugins.importlib.util.find_spec", lambda name: None)
    assert "[adapters]'" in shown("pettingzoo")


def test_very_many_actions_are_not_all_listed():
    out = shown("openspiel:go(board_size=19)")
    assert "a1, b1" in out
    assert "and 302 more" in out
