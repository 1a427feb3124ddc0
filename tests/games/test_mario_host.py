"""Mario as it is played: in a host of its runtime, from the command line, and when the host is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from arena import plugins
from arena.lineup import build_plan
from arena.match import Match
from arena.plan import HERE
from arena.record.verify import verify
from arena.testing.checking import findings
from arena.train import shards
from arena_games.lanes.moves import NAMES as MOVES
from tests.games import mario_kit
from tests.games.mario_kit import INSIDE, LONGEST, needed
from tests.test_kill import Killer, play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first one makes the environment
GAME = "mario:1-1@horizon=24"
ROM = "rom sha1 ab30029efec6ccfc5d65dfda7fbc6e6489a80805"


def arena(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "arena", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_two_lanes_are_played_and_verified_from_the_command_line(tmp_path: Path) -> None:
    needed("mario")
    arena("play", "-g", GAME, "-o", "random,scripted", "--seed", "5", "--out", "run", cwd=tmp_path)
    said = arena("verify", "run", cwd=tmp_path)
    assert "24 ticks, 48 turns re-executed" in said
    first = json.loads((tmp_path / "run/log-000.jsonl").read_text().splitlines()[0])
    assert ROM in first["events"]


class KillOnce(Killer):
    """Kills the game's host in the middle of the level, once."""

    def __init__(self, tick: int) -> None:
        super().__init__(0, [])
        self.tick = tick

    def ticked(self, match: Match) -> None:
        if match.tick >= self.tick and not self.killed:
            host = next(channel for channel in self.workers.channels if channel.role == "game")
            os.kill(host.process.pid, signal.SIGKILL)
            self.killed.append(host.process.pid)


def test_a_level_whose_host_is_killed_is_played_again_to_the_same_log(tmp_path: Path) -> None:
    needed("mario")
    plan = build_plan(GAME, ["random", "scripted"], seed=5)
    killer = KillOnce(13)
    calm, killed = play(plan, tmp_path / "calm", 1), play(plan, tmp_path / "killed", 1, killer)
    logs = [(run.folder / "log-000.jsonl").read_bytes() for run in (calm, killed)]
    assert len(killer.killed) == 1
    assert b'"type":"void"' in (killed.folder / "timing-000.jsonl").read_bytes()
    assert logs[0] == logs[1]
    assert verify(killed).passed


SCRIPT = """
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind

class Player(Operator):
    def act(self, requests):
        return [Decision(answer=ACTIONS[one.tick]) for one in requests]

    def end(self, match, seat, outcome):
        pass

KIND = OperatorKind(name="player", summary="plays from a list", target=f"{__file__}:build", views=lambda *_: Views())

def build(context):
    return Player()
"""


def test_a_run_of_another_frame_skip_is_corrected_at_that_skip(tmp_path: Path) -> None:
    """Who plays as the corrector would, holding each decision for as long as the match does, is told nothing else."""
    pytest.importorskip("transformers")
    played = json.loads(mario_kit.run(needed("mario"), INSIDE, "advised").stdout)["advised"]
    (tmp_path / "player.py").write_text(f"ACTIONS = {[MOVES.index(name) for name in played]}\n{SCRIPT}")
    arena("play", "-g", f"mario:1-1@skip=4@horizon={len(played)}", "-o", "./player.py", "--out", "run", cwd=tmp_path)
    arena("train", "sft", "--correct", "run", "--dry-run", "--out", "out", cwd=tmp_path)
    told = [lesson.answer for lesson in shards.read((tmp_path / "out" / "lessons").iterdir())]
    jumps = [name for name in played if name != "right run"]  # where nothing is ahead, some decisions are not taught
    assert len(jumps) > 3
    assert [name for name in told if name != "right run"] == jumps


def test_its_checks_run_in_its_runtime() -> None:
    """Of the suite only the first property: tests/games/test_mario_frames.py runs all of it."""
    attributes = {"name": "mario:1-1", "options": ({"horizon": 6},), "matches": 1, "most_seats": 1}
    with closing(findings("GameSuite", attributes, interpreter=needed("mario"))) as found:
        first = next(found)
    assert (first.test, first.state) == ("test_a_match_is_played_from_reset_to_its_end", "passes")


@pytest.mark.parametrize("command", [["check", "game", "mario"], ["play", "-g", "mario", "-o", "random"]])
def test_without_its_runtime_the_command_that_creates_it_is_named(tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "arena", *command],
        cwd=tmp_path,
        env={**os.environ, "ARENA_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 2
    assert "arena env create mario" in done.stderr


def test_where_the_packages_are_not_the_game_says_so_itself() -> None:
    """Hosted in the arena's own interpreter."""
    if plugins.installed("gym_super_mario_bros"):
        pytest.skip("the packages of the runtime are here")
    plan = build_plan("mario@runtime=here", ["random"])
    assert plan.games[0].runtime == HERE
    with pytest.raises(ImportError, match="gym_super_mario_bros"):
        plan.games[0].make().reset(bytes(16))
