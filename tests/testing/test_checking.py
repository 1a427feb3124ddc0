"""`arena.testing.checking`: what comes of a suite that is run in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.errors import ArenaError, MissingExtraError
from arena.testing import GameSuite, checking

RPS = (Path(__file__).parents[2] / "docs" / "examples" / "rock_paper_scissors.py").read_text()


def findings(path, **how):
    return {found.test: found for found in checking.findings("GameSuite", {"name": str(path)}, **how)}


def game(tmp_path, old, new):
    """Rock, paper, scissors with one thing changed."""
    assert RPS.count(old) == 1
    path = tmp_path / "rps.py"
    path.write_text(RPS.replace(old, new))
    return path


STEP = "        self.played.append((actions[0], actions[1]))\n"


def test_a_property_that_fails_says_why_where_and_how_to_repair(tmp_path):
    path = game(tmp_path, STEP, f"{STEP}        {{}}['x']\n")
    found = findings(path, code=tmp_path)["test_a_match_is_played_from_reset_to_its_end"]
    assert found.state == "fails"
    assert found.property == "A match is played from reset to its end, and raises nothing"
    assert found.why == "KeyError: 'x'"
    line = path.read_text().splitlines().index("        {}['x']") + 1
    assert found.where == f"{path}, line {line}, in step"
    assert found.repair.startswith("`why` is what the game raised")


def test_one_exception_is_one_failure_whatever_it_gets_in_the_way_of(tmp_path):
    found = findings(game(tmp_path, STEP, f"{STEP}        {{}}['x']\n"))
    assert [test for test, one in found.items() if one.state == "fails"] == [
        "test_a_match_is_played_from_reset_to_its_end"
    ]
    assert found["test_reset_starts_anew"].state == "not tested"
    assert found["test_reset_starts_anew"].why == "the same as above comes in the way: KeyError: 'x'"


def test_an_interpreter_that_cannot_even_begin_is_no_pass(tmp_path):
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho no module named numpy >&2\nexit 1\n")
    other.chmod(0o755)
    with pytest.raises(ArenaError, match=r"cannot be run \(exit code 1\):\nno module named numpy"):
        findings("kuhn", interpreter=other)


def test_no_more_seats_are_tested_than_asked_for():
    class Two(GameSuite):
        name = "holdem"
        most_seats = 2

    assert [game.seats for game in Two().games()] == [2]


def test_a_game_that_differs_says_where_its_matches_part(tmp_path):
    path = game(tmp_path, "digest(self.played, self.over)", "digest(self.played, self.over, id(self))")
    assert "state_hash is" in findings(path)["test_the_same_seed_and_actions_give_the_same_match"].why


def test_a_reason_names_no_option_of_another_program(tmp_path):
    path = game(tmp_path, "text=text + ", "vector=np.zeros(3), text=text + ")
    text = path.read_text().replace("text=True,", "text=True, vector_shape=(3,),")
    path.write_text(text.replace("if not views.text:", "if False:"))
    why = findings(path)["test_views_are_as_declared"].why
    assert "float64" in why
    assert "Use -v" not in why


def test_every_property_has_a_title_and_a_way_to_repair_it():
    from arena.testing import GameSuite, OperatorSuite
    from arena.testing.reporting import described

    class Item:
        def __init__(self, function):
            self.function, self.name = function, function.__name__

    for suite in (GameSuite, OperatorSuite):
        for name in dir(suite):
            if name.startswith("test_"):
                title, repair = described(Item(getattr(suite, name)))
                assert title != name, f"{name} says no property"
                assert repair, f"{name} says no repair"
                assert len(title) < 100


def test_what_a_game_lacks_is_not_tested_and_said(tmp_path):
    found = findings(game(tmp_path, '        baseline=f"{__file__}:choose",  # what `scripted` plays\n', ""))
    absent = {test: one.why for test, one in found.items() if one.state == "not tested"}
    assert "no baseline" in absent["test_the_baseline_gives_legal_actions"]
    assert "no drawing" in absent["test_it_has_a_drawing_of_its_own"]
    assert "no prompts" in absent["test_it_has_prompts_of_its_own"]
    assert "no golden" in absent["test_golden_playthroughs_are_as_they_were"]
    assert all(one.state == "passes" for test, one in found.items() if test not in absent)


@pytest.mark.parametrize(("deed", "how"), [("os._exit(7)", "exit code 7"), ("os.kill(os.getpid(), 9)", "signal 9")])
def test_a_game_that_ends_the_process_costs_one_property_and_is_said(tmp_path, deed, how):
    path = game(tmp_path, STEP, f"{STEP}        import os; {deed}\n")
    last = list(findings(path).values())[-1]
    assert (last.state, last.why) == ("fails", f"the process that tested it ended with {how}")


def test_a_game_that_hangs_is_stopped(tmp_path):
    path = game(tmp_path, STEP, f"{STEP}        while self.options['rounds']: pass\n")
    found = findings(path, limit=0.2)
    assert "was stopped" in found["test_reset_starts_anew"].why
    assert found["test_only_the_agreed_views_are_given"].state == "passes"


def test_what_a_plugin_prints_does_not_disturb_the_report(tmp_path):
    path = game(tmp_path, STEP, f"{STEP}        print('{{\"event\": 1}}'); import sys; print('x', file=sys.stderr)\n")
    assert all(one.state != "fails" for one in findings(path).values())


def test_a_suite_that_cannot_be_run_is_an_error():
    with pytest.raises(ArenaError, match="cannot be run"):
        list(checking.findings("GameSuit", {}))  # type: ignore[arg-type]


def test_without_pytest_the_command_that_installs_it_is_said(monkeypatch):
    monkeypatch.setattr("arena.plugins.installed", lambda module: False)
    with pytest.raises(MissingExtraError, match=r"`arena check` needs the extra testing .*\[testing\]'"):
        list(checking.findings("GameSuite", {"name": "kuhn"}))


def test_settings_of_the_users_own_pytest_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "rps.py").write_text(RPS)
    assert findings(tmp_path / "rps.py")["test_reset_starts_anew"].state == "passes"
