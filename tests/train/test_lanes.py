"""PPO on lanes: it learns, it resumes bit for bit, hosts change nothing, its policy plays as it was trained."""

from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from arena.errors import InputError
from arena.plugins import game_class
from arena.train.config import config_for
from arena.train.nets import probabilities
from arena.train.network import from_numpy, to_numpy
from arena.train.policy import load_policy
from arena.train.ppo import main, make_network
from tests.games import lane_toy
from tests.games.lane_toy import ToyLanes

SMALL = config_for(
    ToyLanes.spec,
    game="toy_lanes",
    out="",
    steps=4 * 4 * 16,
    seed=3,
    game_options={"horizon": 40},
    progress=False,
    envs=4,
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
    assert (tmp_path / "parts/curve.csv").read_bytes() == (tmp_path / "whole/curve.csv").read_bytes()
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
    net, card = load_policy(_train(tmp_path, updates=1))
    network, _ = make_network(SMALL, ToyLanes.spec)
    from_numpy(network, net)
    seen = np.random.default_rng(5).integers(0, 256, (6, 84, 84, 4)).astype(np.uint8)
    with torch.no_grad():
        logits, _ = network(torch.from_numpy(seen.transpose(0, 3, 1, 2).copy()))
    got = probabilities(net.rows(seen.astype(np.float32) / 255), np.ones((6, 8), np.bool_))
    assert card.convolutions == ((4, 8, 4), (8, 4, 2), (8, 3, 1))
    np.testing.assert_allclose(got, torch.softmax(logits, 1).numpy(), atol=0.01)  # one in float32, one in bfloat16


def test_a_network_goes_to_numpy_and_back(tmp_path):
    network, _ = make_network(SMALL, ToyLanes.spec)
    other, _ = make_network(dataclasses.replace(SMALL, seed=9), ToyLanes.spec)
    from_numpy(other, to_numpy(network))
    seen = torch.from_numpy(np.random.default_rng(5).integers(0, 256, (6, 4, 84, 84)).astype(np.uint8))
    with torch.no_grad():
        assert torch.equal(network(seen)[0], other(seen)[0])


def test_a_row_does_not_depend_on_its_companions(tmp_path):
    net, _ = load_policy(_train(tmp_path, updates=1))
    seen = np.random.default_rng(5).random((5, 84, 84, 4), dtype=np.float32)
    together = net.rows(seen)
    for number in range(5):
        assert (net.rows(seen[number : number + 1])[0] == together[number]).all()


def test_it_learns(tmp_path):
    # So short that running all the way is best: 144 pixels, where chance makes about 50.
    easy = {"game_options": {"horizon": 9}, "rate": 3e-3, "channels": 8, "hidden": 64}
    _train(tmp_path, steps=3_072, envs=8, rollout=32, batch=64, **easy)
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    assert float(rows[-1]["return"]) > float(rows[0]["return"]) + 30


def test_a_file_of_demonstrations_that_is_not_there_is_told():
    with pytest.raises(InputError, match="no such file"):
        main(dataclasses.replace(SMALL, out="x", demos="nowhere.npz"), ToyLanes)


def test_pictures_have_settings_of_their_own():
    assert config_for(ToyLanes.spec, game="x", out="x").reward_scale == 0.01
    assert config_for(game_class("leduc").spec, game="x", out="x").reward_scale == 1
    assert config_for(ToyLanes.spec, game="x", out="x", reward_scale=2.0).reward_scale == 2
