"""Paths that begin with a home folder, known or not."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from arena.canonical import files_in, hash_path
from arena.cli.main import cli
from arena.errors import InputError
from arena.lineup import build_plan
from arena.names import Name
from arena.paths import expanded
from arena.record import kept

NOBODYS = "~nobody-of-this-name/x"
ROOT = Path(__file__).parent.parent


def test_a_home_is_expanded_and_what_is_not_known_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expanded("~/a") == Path("/home/me/a")
    assert expanded(Path("a/~b")) == Path("a/~b")
    for kind in (InputError, ValueError):
        with pytest.raises(kind, match=f"{NOBODYS}: no home folder '~nobody-of-this-name' is known here. Write the"):
            expanded(NOBODYS)


@pytest.mark.parametrize(
    "words",
    [
        ("--game", f"spy@pairs={NOBODYS}", "--operators", "random,random,random"),
        ("--game", f"jigsaw@pictures={NOBODYS}", "--operators", "random"),
        ("--game", f"gameboy:{NOBODYS}.gb", "--operators", "random"),
        ("--game", f"mario:1-1@from={NOBODYS}", "--operators", "random"),
        ("--game", f"{NOBODYS}.py:Game", "--operators", "random"),
        ("--operators", f"random,ppo:{NOBODYS}.zip"),
        ("--operators", f"random,vlm:{NOBODYS}"),
        ("--operators", f"random,vlm@adapter={NOBODYS}"),
        ("--operators", f"random,vlm@prompt={NOBODYS}"),
        ("--operators", f"random,{NOBODYS}.py:Operator"),
    ],
)
def test_an_unknown_home_is_bad_input_wherever_it_is_written(words: tuple[str, ...], tmp_path: Path) -> None:
    error = CliRunner().invoke(cli, ["play", *words, "--out", f"{tmp_path}/run"]).exception
    assert isinstance(error, InputError), repr(error)
    assert error.exit_code == 2
    assert "no home folder '~nobody-of-this-name' is known here. Write the whole path" in str(error)


@pytest.mark.parametrize("home", ["~nobody-of-this-name", "~nobody-of-this-name says"])
def test_a_word_of_an_operators_name_that_begins_like_a_home_is_a_word(home: str) -> None:
    entry = build_plan("holdem", ["random", "random"]).pool[0]
    named = dataclasses.replace(entry, given=str(Name("cmd", home)))
    assert kept.of_operator(named, {}) == ()


@pytest.mark.parametrize("listed", [files_in, hash_path, lambda folder: kept.of_folder(folder, {"weights": "0" * 32})])
def test_a_name_that_cannot_be_recorded_is_bad_input(tmp_path: Path, listed: Callable[[Path], object]) -> None:
    (tmp_path / "weights").touch()
    (tmp_path / os.fsdecode(b"\xff.json")).touch()
    with pytest.raises(InputError, match=r"the name b'\\xff\.json' is not UTF-8\. Rename it, or move it away"):
        listed(tmp_path)


def test_no_path_is_expanded_in_another_way() -> None:
    """Each would be a bug (RuntimeError) for a home that is not known."""
    files = [
        file
        for room in ("arena", "arena_games", "arena_operators", "arena_workers", "scripts")
        for file in (ROOT / room).rglob("*.py")
        if file != ROOT / "arena" / "paths.py"
    ]
    found = [f"{file}" for file in files if re.search(r"\.expanduser\(|Path\.home\(", file.read_text("utf-8"))]
    assert found == []
