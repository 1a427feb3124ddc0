"""`arena new`: what it writes works as it stands."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.kit import run


@pytest.fixture
def made(tmp_path):
    """A folder with the skeleton of each."""
    for what in ("game", "operator", "worker"):
        code, _, err = run(tmp_path, "new", what, f"my_{what}")
        assert code == 0, err
    return tmp_path


def test_the_skeletons_pass_their_check(made):
    for arguments in (("game", "./my_game.py"), ("operator", "./my_operator.py", "--game", "./my_game.py")):
        code, out, err = run(made, "check", *arguments)
        assert code == 0, out + err


def test_the_skeletons_tests_pass(made):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_game.py", "test_my_operator.py"]
    done = subprocess.run(command, cwd=made, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_workers_test_passes(made):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_worker.py"]
    done = subprocess.run(command, cwd=made, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_skeletons_play_together_and_are_verified(made):
    players = f"./my_operator.py,cmd:'{sys.executable} my_worker.py'"
    play = ("play", "--game", "./my_game.py", "--operators", players, "--matches", "4", "--out", "run")
    for arguments in (play, ("verify", "run")):
        code, out, err = run(made, *arguments)
        assert code == 0, out + err


def test_a_skeleton_is_written_where_it_is_wanted(tmp_path):
    code, out, _ = run(tmp_path, "new", "game", "nim", "--dir", "a b/c")
    assert code == 0
    assert {path.name for path in (tmp_path / "a b" / "c").iterdir()} == {"nim.py", "test_nim.py"}
    assert "arena check game './a b/c/nim.py'" in out


@pytest.mark.parametrize("there", ["nim.py", "test_nim.py"])
def test_nothing_is_overwritten(tmp_path, there):
    (tmp_path / there).write_text("mine")
    code, _, err = run(tmp_path, "new", "game", "nim")
    assert code == 2
    assert f"already there, and left as it is: {there}." in err
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


@pytest.mark.parametrize("name", ["3x", "my game", "class", "match", "a-b", "é", "../x", "random", "arena", "", "_"])
def test_a_name_that_cannot_be_imported_is_refused(tmp_path, name):
    code, _, err = run(tmp_path, "new", "game", name)
    assert code == 2
    assert repr(name) in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(tmp_path, "new", "game", "nim", "--dir", "file/x")
    assert code == 2
    assert "cannot be written" in err
