"""Evaluations between updates: one that hangs ends, as a rollout does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.log import TurnLine
from arena.record.reader import Run
from arena.schedule import planned
from arena.train.vlm import evaluations, scored, trials
from arena.train.vlm.config import load
from tests.train.vlm import kit

ROOT = Path(__file__).parents[3]
HANGS = """
import sys, time
from pathlib import Path
from arena.train.vlm import evaluations
from arena.train.vlm.config import load
from tests.train.vlm import kit

class Hanging(kit.Writer):
    def act(self, requests):
        time.sleep(1000)

kit.Writer = Hanging
out = Path(sys.argv[1])
(out / "weights").write_text("second")
settings = (f"rollout.operator={kit.__file__}", "rollout.deadline=0.2", "evaluation.every=1", "evaluation.matches=2")
of = evaluations.of_rollouts(load(None, None, settings, ("leduc@hands=2",)))
evaluations.play(of, out, 1, out / "weights")
"""


def test_a_stall_ends_the_evaluation_and_says_what_is_waited_for(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HANGS, tmp_path]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert child.returncode == 1
    assert f"{tmp_path}/evaluations/000001: nothing happened for 0.4 s: waits for " in child.stderr
    assert "kit.py#1 in match 0, tick 0, seat 0, and 1 more" in child.stderr
    assert "go on with --resume" in child.stderr


def score(tmp_path: Path, word: str, *settings: str) -> set[str]:
    """Evaluates weights that are this word; the words that the model wrote in the matches that are there then."""
    (tmp_path / "weights").write_text(word)
    changes = (f"rollout.operator={kit.__file__}", "evaluation.every=1", "evaluation.matches=2", *settings)
    of = evaluations.of_rollouts(load(None, None, changes, ("leduc@hands=1",)))
    evaluations.play(of, tmp_path, 1, tmp_path / "weights")
    run = Run(tmp_path / "evaluations" / "000001")
    every = (line for lines in run.played() for line in lines)
    turns = [line for line in every if isinstance(line, TurnLine) and line.operator.endswith("#1")]
    return {(line.raw or "").partition("\n")[0] for line in turns}


def test_an_evaluation_is_of_the_weights_that_it_is_asked_for(tmp_path: Path) -> None:
    assert score(tmp_path, "old") == {"old"}
    assert score(tmp_path, "new") == {"new"}


def test_an_evaluation_with_the_same_weights_is_not_played_again(tmp_path: Path) -> None:
    score(tmp_path, "old")
    log = tmp_path / "evaluations" / "000001" / "log-000.jsonl"
    before = log.stat().st_mtime_ns
    score(tmp_path, "old")
    assert log.stat().st_mtime_ns == before


def test_operators_sit_in_processes_where_those_of_rollouts_do(tmp_path: Path) -> None:
    assert score(tmp_path, "new", "rollout.processes=true") == {"new"}
    assert list((tmp_path / "evaluations" / "000001" / "workers").iterdir())


def test_other_settings_of_an_evaluation_play_it_anew(tmp_path: Path) -> None:
    score(tmp_path, "old")
    assert score(tmp_path, "old", "evaluation.seed=7", "evaluation.matches=4") == {"old"}
    assert Run(tmp_path / "evaluations" / "000001").logged == 4


def asked(*settings: str, games: tuple[str, ...] = ("leduc@seats=2",)) -> evaluations.Evaluated:
    changes = (f"rollout.operator={kit.__file__}", "evaluation.every=1", *settings)
    return evaluations.of_rollouts(load(None, None, changes, games))


def lineups(of: evaluations.Evaluated) -> list[tuple[int, tuple[int, ...]]]:
    """The game and who sits there, of all matches of an evaluation."""
    matches = planned(evaluations.plan_of(of))
    found = []
    while (match := matches.peek()) is not None:
        found.append((match.game, match.lineup))
        matches.take()
    return found


@pytest.mark.parametrize("seats", [2, 3, 4])
def test_the_start_sits_in_all_other_seats(seats: int) -> None:
    of = asked(games=(f"holdem@seats={seats}",))
    evaluations.check(of)
    (game,) = evaluations.plan_of(of).games
    assert [one.given for one in game.operators] == [kit.__file__] * seats
    assert {tuple(sorted(lineup)) for _, lineup in lineups(of)} == {tuple(range(seats))}


def test_the_trained_one_sits_in_every_match() -> None:
    found = lineups(asked("evaluation.opponents=random,scripted,ppo", "evaluation.matches=12"))
    assert all(0 in lineup for _, lineup in found)
    assert {max(lineup) for _, lineup in found} == {1, 2, 3}


def test_too_few_opponents_are_told_by_their_setting() -> None:
    with pytest.raises(InputError, match=r"^evaluation\.opponents names 1, and leduc@seats=3 has 2 other seats"):
        evaluations.check(asked("evaluation.opponents=random", games=("leduc@seats=3",)))


def test_every_game_is_played_with_everybody_or_it_is_told_how_many_matches_that_takes() -> None:
    both = ("evaluation.opponents=random,scripted", "evaluation.levels=leduc@seats=2,kuhn")
    with pytest.raises(InputError, match=r"^evaluation\.matches=6 are all matches .* evaluation\.matches=7 or more"):
        evaluations.check(asked("evaluation.matches=6", *both))
    evaluations.check(of := asked("evaluation.matches=7", *both))
    assert {(game, max(lineup)) for game, lineup in lineups(of)} == {(game, who) for game in (0, 1) for who in (1, 2)}


def test_smoke_evaluates_every_game_with_everybody() -> None:
    settings = (f"rollout.operator={kit.__file__}", "evaluation.opponents=random,scripted")
    smoke = trials.smoke(load(None, None, settings, ("leduc@seats=3", "holdem@seats=3")))
    assert smoke.evaluation.matches == evaluations.least_matches(evaluations.of_rollouts(smoke)) == 7


def test_games_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "weights").touch()
    of = asked("evaluation.matches=4", "evaluation.levels=leduc@hands=1,leduc@hands=2")
    found = evaluations.play(of, tmp_path, 1, tmp_path / "weights")
    games = ["leduc@hands=1", "leduc@hands=2"]
    assert {name.split("/")[1] for name in found} == {*games}
    assert [one.game for one in scored.scores(tmp_path) if one.trained] == games


def test_a_start_that_was_evaluated_otherwise_is_not_there(tmp_path: Path) -> None:
    evaluations.play(of := asked("evaluation.matches=2"), tmp_path, 0, None)
    assert evaluations.start_played(of, tmp_path)
    assert not evaluations.start_played(asked("evaluation.matches=4"), tmp_path)
    (tmp_path / "evaluations" / "000000" / "results.json").unlink()
    assert not evaluations.start_played(of, tmp_path)
