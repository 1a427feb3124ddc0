"""PPO on lanes: it learns, it resumes bit for bit, hosts change nothing, its policy plays as it was trained."""

from __future__ import annotations

import csv
import dataclasses

import msgspec
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

import torch
from stable_baselines3 import PPO

from arena.errors import InputError
from arena.plugins import game_class
from arena.train.lane_ppo import LaneConfig, check_options, learns_lanes, main
from arena.train.policy import load_policy, probabilities
from tests.games import lane_toy
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


def _train(folder, updates=None, config=(), **changes):
    return main(dataclasses.replace(SMALL, out=str(folder), **changes, **dict(config)), ToyLanes, updates)


def test_two_updates_and_two_more_equal_four(tmp_path):
    whole = _train(tmp_path / "whole")
    _train(tmp_path / "parts", updates=2)
    parts = _train(tmp_path / "parts", resume=True)
    assert parts.read_bytes() == whole.read_bytes()
    assert (tmp_path / "parts/curve.csv").read_text() == (tmp_path / "whole/curve.csv").read_text()
    checkpoints = [next((tmp_path / name).glob("checkpoint-*")) for name in ("whole", "parts")]
    assert checkpoints[0].name == checkpoints[1].name == "checkpoint-00000004.safetensors"
    assert checkpoints[0].read_bytes() == checkpoints[1].read_bytes()


def test_a_run_killed_after_its_checkpoint_continues_from_it(tmp_path):
    whole = _train(tmp_path / "whole")
    _train(tmp_path / "killed", updates=3, checkpoint_every=2, keep=9)
    (tmp_path / "killed/checkpoint-00000003.safetensors").unlink()
    assert _train(tmp_path / "killed", resume=True).read_bytes() == whole.read_bytes()


def test_another_seed_gives_other_weights(tmp_path):
    one, two = _train(tmp_path / "1", updates=1), _train(tmp_path / "2", updates=1, seed=4)
    assert one.read_bytes() != two.read_bytes()


def test_lanes_in_hosts_train_the_same_policy(tmp_path):
    # By its file's name, as a host finds it; "stuck" so small that matches end and begin anew.
    name = f"{lane_toy.__file__}:ToyLanes"
    small = {"game_options": {"horizon": 12}, "updates": 2}
    here = _train(tmp_path / "here", config={"game": name}, **small)
    there = _train(tmp_path / "there", config={"game": name, "hosts": 2}, **small)
    assert there.read_bytes() == here.read_bytes()


def test_the_played_policy_is_the_trained_one(tmp_path):
    path = _train(tmp_path, updates=1)
    net, card = load_policy(path)
    policy = PPO.load(path.with_suffix(".zip"), device="cpu").policy
    seen = np.random.default_rng(5).integers(0, 256, (6, 84, 84, 4)).astype(np.uint8)
    with torch.no_grad():
        wanted = policy.get_distribution(torch.from_numpy(seen.transpose(0, 3, 1, 2).copy())).distribution.logits
    got = probabilities(net.rows(seen.astype(np.float32) / 255), np.ones((6, 8), np.bool_))
    assert card.convolutions == ((4, 8, 4), (8, 4, 2), (8, 3, 1))
    np.testing.assert_allclose(got, wanted.exp().numpy(), atol=0.01)  # the one in bfloat16, the other from float16


def test_a_row_does_not_depend_on_its_companions(tmp_path):
    net, _ = load_policy(_train(tmp_path, updates=1))
    seen = np.random.default_rng(5).random((5, 84, 84, 4), dtype=np.float32)
    together = net.rows(seen)
    for number in range(5):
        assert (net.rows(seen[number : number + 1])[0] == together[number]).all()


def test_it_learns(tmp_path):
    # So short that running all the way is best: 144 pixels, where chance makes about 50.
    easy = {"game_options": {"horizon": 9}, "rate": 3e-3, "channels": 8, "hidden": 64}
    _train(tmp_path, steps=3_072, lanes=8, rollout=32, batch=64, **easy)
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    assert float(rows[-1]["return"]) > float(rows[0]["return"]) + 30


def test_options_are_checked():
    assert check_options({"lanes": "8", "reward_clip": "1"}) == {"lanes": 8, "reward_clip": 1.0}
    with pytest.raises(InputError, match="tables"):
        check_options({"tables": "8"})
    with pytest.raises(InputError, match="no such file"):
        main(dataclasses.replace(SMALL, out="x", demos="nowhere.npz"), ToyLanes)


def test_only_games_of_one_player_that_are_seen_are_played_on_lanes():
    assert learns_lanes(ToyLanes.spec)
    assert not learns_lanes(game_class("leduc").spec)
    assert not learns_lanes(msgspec.structs.replace(ToyLanes.spec, seats=(2, 2)))
    assert not learns_lanes(msgspec.structs.replace(ToyLanes.spec, vector_shape=(8, 8, 111)))
