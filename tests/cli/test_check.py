"""`arena check game` and `arena check operator`, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena import plugins
from tests.cli.kit import run

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
RPS = (EXAMPLES / "rock_paper_scissors.py").read_text()
PARROT = (EXAMPLES / "first_operator.py").read_text()


def test_a_game_in_a_file_passes_and_what_it_lacks_is_said(tmp_path):
    (tmp_path / "rps.py").write_text(RPS)
    code, out, err = run(tmp_path, "check", "game", "./rps.py@rounds=3", "--zero-sum")
    assert code == 0, out + err
    assert "passes      The same seed and the same actions give the same match" in out
    assert "not tested  Spectators are shown the game's own drawing" in out
    assert ", 0 fail, " in out.splitlines()[-1]


def test_a_broken_game_fails_with_the_repair(tmp_path):
    (tmp_path / "rps.py").write_text(RPS.replace("simultaneous=True", "simultaneous=False"))
    code, out, _ = run(tmp_path, "check", "game", "rps.py")
    assert code == 1
    assert "FAILS       Seats that are due, and only they, have legal actions" in out
    assert "seats (0, 1) are due at once, but spec.simultaneous is not set" in out
    assert "set simultaneous=True if several are due" in " ".join(out.split())


def test_the_report_for_machines_is_whole(tmp_path):
    code, out, _ = run(tmp_path, "check", "game", "kuhn", "--matches", "1", "--json")
    report = json.loads(out)
    assert code == 0
    assert {finding["state"] for finding in report["findings"]} == {"passes", "not tested"}  # nobody talks in it
    assert report["checked"].startswith("game kuhn, version 1")


def test_an_operator_in_a_file_passes_at_a_game_in_a_file(tmp_path):
    (tmp_path / "rps.py").write_text(RPS)
    (tmp_path / "mine.py").write_text(PARROT)
    code, out, err = run(tmp_path, "check", "operator", "./mine.py@stubborn=0.5", "--game", "./rps.py")
    assert code == 0, out + err
    assert out.splitlines()[0] == "operator parrot (./mine.py@stubborn=0.5), deterministic, at rps.py"
    assert "passes      It plays in a worker process of its own" in out


def test_a_broken_operator_fails_with_the_repair(tmp_path):
    own = PARROT.replace("generator(turn_key(self.seats[where], request))", "self.chance")
    own = own.replace(
        "self.stubborn = stubborn\n", "self.stubborn = stubborn\n        self.chance = generator(bytes(16))\n"
    )
    (tmp_path / "mine.py").write_text(own)
    code, out, _ = run(tmp_path, "check", "operator", "./mine.py", "--game", "leduc")
    assert code == 1
    assert "FAILS       How many questions come together, and in which order, changes no answer" in out
    assert "draw from generator(turn_key(seat, request))" in out


def test_an_operator_that_cannot_even_be_looked_at_is_one_message(tmp_path):
    (tmp_path / "mine.py").write_text(PARROT.replace("return Views()", "return Views(text=spec.no_such_thing)"))
    code, out, err = run(tmp_path, "check", "operator", "./mine.py")
    assert (code, out) == (1, "")
    assert "no attribute 'no_such_thing'" in err
    assert f"{tmp_path}/mine.py, line " in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("game", "khun"), "Did you mean kuhn"),
        (("game", "./gone.py"), "there is no file"),
        (("game", "kuhn@hand=3"), "kuhn has no option 'hand'"),
        (("game", "kuhn@hands=x"), "expected a whole number"),
        (("game",), "Missing argument"),
        (("operator", "rndom"), "Did you mean random"),
        (("operator", "random:x"), "takes nothing after a colon"),
        (("operator", "random@x=1"), "has no option 'x'"),
        (("operator", "random@at=tcp://here:1"), "leave @at= out"),
        (("operator", "random", "--game", "khun"), "Did you mean kuhn"),
        (("operator", "ppo", "--game", "kuhn"), "ships no policy for 'kuhn'"),
        (("gmae", "kuhn"), "Did you mean game"),
    ],
)
def test_bad_input_is_said_and_ends_with_2(tmp_path, arguments, said):
    code, out, err = run(tmp_path, "check", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_worker_can_be_checked_where_that_command_is(tmp_path):
    code, out, _ = run(tmp_path, "check", "--help")
    assert code == 0
    assert ("\n  worker " in out) == plugins.installed("arena.cli.check_worker")
