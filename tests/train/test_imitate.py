"""Imitation before PPO: it takes the teacher's actions, and says which file is none."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from arena.errors import InputError
from arena.train.config import config_for
from arena.train.policy import load_policy
from arena.train.ppo import main
from arena_games.numberline.rules import Line, NumberLine
from scripts.ppo import scripted
from tests.games.lane_toy import ToyLanes

CONFIG = {
    "game": "toy_lanes",
    "steps": 32,
    "game_options": {"horizon": 40},
    "progress": False,
    "envs": 2,
    "rollout": 16,
    "batch": 32,
    "channels": 4,
    "hidden": 16,
    "rate": 0.0,
    "rate_final": 0.0,
}


def _lit(side, size=84):
    frame = np.full((size, size), 20, np.uint8)
    frame[:, side * size // 2 :][:, : size // 2] = 220
    return frame


def _demos(path, size=84):
    """Light on the right: action 4; on the left: action 1."""
    frames = np.stack([_lit(0, size), _lit(1, size)])
    stacks = np.array([[n % 2] * 4 for n in range(8)], np.int32)
    actions = np.where(stacks[:, 0] == 1, 4, 1).astype(np.int64)
    np.savez(path, frames=frames, stacks=stacks, actions=actions, returns=np.zeros(8, np.float32))
    return str(path)


def test_what_was_shown_is_done(tmp_path):
    demos = _demos(tmp_path / "demos.npz")
    net, _ = load_policy(
        main(config_for(ToyLanes.spec, out=str(tmp_path / "run"), demos=demos, demo_epochs=200, **CONFIG), ToyLanes)
    )
    pictures = np.stack([np.stack([_lit(side)] * 4, axis=-1) for side in (0, 1)]).astype(np.float32) / 255
    assert net.rows(pictures).argmax(axis=1).tolist() == [1, 4]


def test_what_scripted_does_is_learnt_from_numbers(tmp_path):
    demos = tmp_path / "demos.npz"
    scripted.main(["numberline", "--out", str(demos), "--matches", "400"])
    given = {**CONFIG, "game": "numberline", "game_options": {}, "hidden": 32}
    net, _ = load_policy(
        main(config_for(NumberLine.spec, out=str(tmp_path / "run"), demos=str(demos), demo_epochs=20, **given))
    )
    lines = [(at, target) for at in range(6) for target in range(6) if at != target]
    actions = net.rows(np.stack([Line(at, target, 5).vector() for at, target in lines])).argmax(axis=1)
    assert actions.tolist() == [int(target > at) for at, target in lines]


def test_numbers_of_another_game_are_refused(tmp_path):
    demos = tmp_path / "demos.npz"
    scripted.main(["numberline@most=9", "--out", str(demos), "--matches", "2"])
    given = {**CONFIG, "game": "numberline", "game_options": {}}
    with pytest.raises(InputError, match=r"shows \(20,\) with \(2,\) actions; the game gives \(12,\)"):
        main(config_for(NumberLine.spec, out=str(tmp_path / "run"), demos=str(demos), **given))


@pytest.mark.parametrize("make", [lambda path: _demos(path, size=64), lambda path: path.write_text("no")])
def test_another_file_is_refused(tmp_path, make):
    path = tmp_path / "demos.npz"
    make(path)
    with pytest.raises(InputError, match=r"demos=.*demos\.npz"):
        main(config_for(ToyLanes.spec, out=str(tmp_path / "run"), demos=str(path), **CONFIG), ToyLanes)
