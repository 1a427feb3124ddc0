"""PPO on lanes: it learns, it resumes bit for bit, hosts change nothing, its policy plays as it was trained."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from arena.errors import InputError
from arena.train.lane_ppo import LaneConfig, check_options, main
from tests.games.lane_toy import ToyLanes

SMALL = LaneConfig(
    game="toy_lanes",
    out="",
    steps=4 * 4 * 16,
    seed=3,
    game_options={"horizon": 40},
    progress=False,
    lanes=4,
    rollout=16,
    batch=32,
    epochs=2,
    channels=4,
    hidden=16,
    checkpoint_every=100,
)


def _train(folder, updates=None, game=ToyLanes, **changes):
    return main(dataclasses.replace(SMALL, out=str(folder), **changes), game, updates)


def test_two_updates_and_two_more_equal_four(tmp_path):
    whole = _train(tmp_path / "whole")
    _train(tmp_path / "parts", updates=2)
    parts = _train(tmp_path / "parts", resume=True)
    assert parts.read_bytes() == whole.read_bytes()
    assert (tmp_path / "parts/curve.csv").read_text() == (tmp_path / "whole/curve.csv").read_text()
    checkpoints = [next((tmp_path / name).glob("checkpoint-*")) for name in ("whole", "parts")]
    assert checkpoints[0].name == checkpoints[1].name == "checkpoint-00000004.safetensors"
    assert checkpoints[0].read_bytes() == checkpoints[1].read_bytes()
