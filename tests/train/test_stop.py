"""A training run that is stopped leaves a checkpoint, from which it goes on to the same policy, and says how."""

from __future__ import annotations

import dataclasses
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from arena.train import ppo
from arena.train.checkpoint import latest, read_facts
from arena.train.policy import read_card
from tests.games.lane_toy import ToyLanes
from tests.train import test_lanes, test_ppo
from tests.train.toy import Toy

ARENA = str(Path(sys.executable).with_name("arena"))
GUARD = 120  # seconds that something broken is waited for


class Interrupted:
    """A game of which the step number `at` brings a SIGTERM to the process."""

    at = 0
    steps = 0

    def step(self, moves):
        kind = type(self)
        kind.steps += 1
        if kind.steps == kind.at:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().step(moves)


def interrupted(game, at):
    return type(game.__name__, (Interrupted, game), {"at": at, "steps": 0})


@pytest.mark.parametrize(
    ("config", "game"), [(test_ppo.SMALL, Toy), (test_lanes.SMALL, ToyLanes)], ids=["against others", "alone"]
)
def test_a_run_stopped_in_an_update_goes_on_to_the_same_policy(tmp_path, config, game):
    def run(folder, cls, **changes):
        return ppo.main(dataclasses.replace(config, out=str(tmp_path / folder), **changes), cls)

    whole = run("whole", game)
    counted = interrupted(game, 0)
    run("counted", counted)
    with pytest.raises(KeyboardInterrupt):
        run("stopped", interrupted(game, counted.steps * 5 // 8))  # in the third of four updates
    stopped = tmp_path / "stopped"
    assert read_facts(latest(stopped))["update"] == 2
    assert read_card(stopped / "policy.safetensors").steps == read_facts(latest(stopped))["steps"]
    assert run("stopped", game, resume=True).read_bytes() == whole.read_bytes()
    assert (stopped / "curve.csv").read_bytes() == (tmp_path / "whole" / "curve.csv").read_bytes()


def test_a_run_stopped_in_its_first_update_begins_again_where_it_began(tmp_path):
    config = dataclasses.replace(test_ppo.SMALL, out=str(tmp_path / "stopped"))
    with pytest.raises(KeyboardInterrupt):
        ppo.main(config, interrupted(Toy, 20))
    assert read_facts(latest(tmp_path / "stopped"))["update"] == 0
    assert not (tmp_path / "stopped" / "policy.safetensors").exists()  # nothing was learned
    resumed = ppo.main(dataclasses.replace(config, resume=True), Toy)
    whole = ppo.main(dataclasses.replace(config, out=str(tmp_path / "whole")), Toy)
    assert resumed.read_bytes() == whole.read_bytes()


def test_the_command_says_how_to_go_on(tmp_path):
    words = ["train", "ppo", "--game", "kuhn", "--out", "my run", "-n", "0", "--steps", "100000000", "--quiet"]
    words += ["--set", "envs=4", "--set", "rollout=8", "--set", "hidden=8"]
    process = subprocess.Popen([ARENA, *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    curve = tmp_path / "my run" / "curve.csv"
    while process.poll() is None and not (curve.exists() and len(curve.read_text().splitlines()) > 2):
        pass
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 130, said
    assert "stopped after " in said
    again = shlex.split(next(line for line in said.splitlines() if line.startswith("go on with: "))[12:])
    steps = read_facts(latest(tmp_path / "my run"))["steps"]
    assert again[1:] == ["train", "ppo", "--out", "my run", "--resume"]  # the rest is as it was, but for what is said
    shorter = [*again, "--steps", str(steps + 32), "--quiet"]
    done = subprocess.run(shorter, cwd=tmp_path, capture_output=True, text=True, timeout=GUARD, check=False)
    assert done.returncode == 0, done.stderr
    assert read_facts(latest(tmp_path / "my run"))["steps"] == steps + 32
