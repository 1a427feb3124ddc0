"""What a game gives is checked in one place, and what its code raises voids the match: wherever it is played."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from arena.errors import GameError
from arena.game import Move, Observation, StepResult, Views
from arena.plan import Plan
from arena.record.verify import verify
from arena.results import check_result
from arena.session import LocalSession
from tests.hosting_kit import HostingWorkers, toy_name
from tests.record.kit import record
from tests.toys import GOOD, Failing, Turns, matches_of, plan_of, with_game
from tests.workers_kit import Play

GOING = {"due": (0,), "rewards": (0.0, 0.0), "state_hash": "x"}
OVER = {"due": (), "rewards": (0.0, 1.0), "state_hash": "x", "ended": "terminated", "returns": (0.0, 1.0)}

WRONG = {
    "rewards hold nan": {**GOING, "rewards": (math.nan, 0.0)},
    "rewards hold -inf": {**GOING, "rewards": (0.0, -math.inf)},
    "returns hold inf": {**OVER, "returns": (math.inf, 0.0)},
    "rewards hold 'one' of type str": {**GOING, "rewards": ("one", 0.0)},
    "1 rewards for 2 seats": {**GOING, "rewards": (0.0,)},
    "3 returns for 2 seats": {**OVER, "returns": (0.0, 0.0, 0.0)},
    "due are seats [2]": {**GOING, "due": (2,)},
    "due are seats [1, 0]": {**GOING, "due": (1, 0)},
    "due are seats [0, 0]": {**GOING, "due": (0, 0)},
    "nobody is due": {**GOING, "due": ()},
    "but seats [1] are due": {**OVER, "due": (1,)},
    "the returns are None": {**OVER, "returns": None},
    "ended is 'won'": {**OVER, "ended": "won"},
    "an event is a int": {**GOING, "events": (7,)},
    "an event of 20000 characters": {**GOING, "events": ("x" * 20_000,)},
    "5000 events": {**GOING, "events": ("x",) * 5000},
    "a lone surrogate": {**GOING, "events": ("\ud800",)},
    "state_hash is a bytes": {**GOING, "state_hash": b"x"},
}


@pytest.mark.parametrize("words", WRONG)
def test_a_result_that_cannot_be_is_refused_in_words(words: str) -> None:
    with pytest.raises(GameError) as caught:
        check_result(StepResult(**WRONG[words]), 2)
    assert words in str(caught.value)


def test_numbers_of_numpy_become_plain_ones() -> None:
    given = StepResult((np.int64(1),), (np.float32(0.5), True), "x")  # type: ignore[arg-type]
    result = check_result(given, 2)
    assert (result.due, result.rewards) == ((1,), (0.5, 1.0))
    assert [type(value) for value in (*result.due, *result.rewards)] == [int, float, float]
    msgspec.json.encode(result)


class Odd(Turns):
    """What its tests set is done instead of what Turns does."""

    shown: Any = None
    parsed: Any = None

    def observe(self, seat: int, views: Views) -> Observation:
        return self.shown if self.shown is not None else super().observe(seat, views)

    def parse(self, seat: int, answer: int | str | None) -> Move:
        return self.parsed if self.parsed is not None else super().parse(seat, answer)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (Observation(()), "legal actions are []"),
        (Observation((1, 0)), "legal actions are [1, 0]"),
        (Observation((0, 9)), "legal actions are [0, 9]"),
        (Observation((0,), text="secret"), "agreed were"),
        (Observation((0,), vector=np.zeros(2, np.float32)), "a vector (2,)"),
        (Observation((0,), vector=np.zeros(3)), "vector is of float64"),
        ({"legal": (0,)}, "not a dict"),
    ],
    ids=["nothing", "order", "range", "text", "shape", "dtype", "type"],
)
def test_what_a_seat_is_shown_is_checked_where_the_game_is(shown: Any, words: str) -> None:
    game = Odd(2)
    game.shown = shown
    with pytest.raises(GameError) as caught:
        LocalSession(game, [Views(vector=True)] * 2).begin(bytes(16))
    assert words in str(caught.value)


@pytest.mark.parametrize("out", [(0,), (2,), (1, 1), 1, "1"])
def test_who_is_out_is_a_seat_that_is_not_due(out: Any) -> None:
    class Said(Turns):
        def seats_out(self) -> Any:
            return out

    with pytest.raises(GameError, match="seats_out"):
        LocalSession(Said(2), [Views()] * 2).begin(bytes(16))


@pytest.mark.parametrize(
    "parsed", [Move(99), Move("two"), Move(2.0), 0, Move(0, "aside"), Move(None, "free"), Move(None)]
)
def test_an_answer_that_is_parsed_into_no_legal_action_is_the_games_failure(parsed: Any) -> None:
    game = Odd(2)
    session = LocalSession(game, [Views()] * 2)
    session.begin(bytes(16))
    game.parsed = parsed
    with pytest.raises(GameError, match="what parse gave is"):
        session.parse(0, "zero")


def test_a_picture_that_cannot_be_drawn_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class Blind(Turns):
        def draw(self, height: int, width: int) -> Any:
            raise RuntimeError("no screen")

    session = LocalSession(Blind(2), [Views()] * 2)
    session.begin(bytes(16))
    assert session.draw(60, 80).shape == (60, 80, 3)
    assert "no screen" in capsys.readouterr().err


# --- in a run, here and in a host -----------------------------------------------------------------------------------


def failing_plan(how: str, runtime: str | None = None) -> Plan:
    """Ten matches in five deals, some of which are bad."""
    for seed in range(100):
        made = plan_of(Failing, [GOOD, GOOD], matches=10, seed=seed, options={"how": how})
        if {one.seed[0] % 2 for one in matches_of(made)} == {0, 1}:
            return with_game(made, name=toy_name(Failing), runtime=runtime)
    raise AssertionError("no seed has both")


@pytest.fixture(params=["here", "hosted"])
def play_failing(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Play]:
    def run(how: str, concurrency: int = 4) -> Play:
        if request.param == "hosted":
            monkeypatch.setattr("tests.workers_kit.FakeWorkers", HostingWorkers)
        plan = failing_plan(how, "here" if request.param == "hosted" else None)
        return Play(monkeypatch, tmp_path / f"{how}{concurrency}", plan, concurrency=concurrency)

    return run


WORDS = {
    "nan": "rewards hold nan; expected a finite number a seat",
    "step": "RuntimeError: no licence (toys.py, line ",
    "observe": "RuntimeError: no licence (toys.py, line ",
    "reset": "RuntimeError: no licence (toys.py, line ",
    "exit": "SystemExit: 3 (toys.py, line ",
}


@pytest.mark.parametrize("how", WORDS)
def test_a_game_that_fails_voids_its_match_alone_and_says_where(play_failing: Callable[..., Play], how: str) -> None:
    bad = [bool(one.seed[0] % 2) for one in matches_of(failing_plan(how))]
    run = play_failing(how)
    ends = run.lines("end")
    assert [end["status"] for end in ends] == ["unresolved" if one else "terminated" for one in bad]
    when = "at its start" if how == "reset" else "at tick 2"
    voids = {void["match"]: void["reason"] for void in run.timing("void")}
    assert sorted(voids) == [match for match, one in enumerate(bad) if one]
    for match, reason in voids.items():
        assert reason.startswith(f"failing failed {when}: {WORDS[how]}")
        assert ends[match]["reason"] == f"game: {reason}"
    assert not [turn for turn in run.lines("turn") if turn.get("fault")]


@pytest.mark.parametrize("concurrency", [1, 10])
def test_where_a_failing_game_is_played_and_how_many_at_once_changes_no_log(
    play_failing: Callable[..., Play], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, concurrency: int
) -> None:
    here = Play(monkeypatch, tmp_path / "here", failing_plan("step"))
    assert play_failing("step", concurrency).log == here.log


@pytest.mark.parametrize("how", ["reset", "step"])
def test_a_run_with_matches_that_the_game_failed_in_is_verified(tmp_path: Path, how: str) -> None:
    run = record(failing_plan(how), tmp_path / "run")
    report = verify(run)
    assert report.passed, report.problems
    assert report.unresolved
    assert report.matches == 10


def test_a_game_that_fails_when_it_is_played_again_is_a_problem_of_that_match(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    run = record(failing_plan(str(broken)), tmp_path / "run")
    broken.touch()
    report = verify(run)
    found = [str(problem) for problem in report.problems]
    assert report.matches == 10
    assert "tick 2: the game failed: RuntimeError: no licence (toys.py, line " in found[0]
