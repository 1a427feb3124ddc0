"""DAgger on the sidescroller (scripts/ppo/dagger.py): stopped anywhere, it goes on to the same policy."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from arena.game import Move, Views
from arena.train.policy import load_policy

SCRIPT = Path(__file__).parents[2] / "scripts/ppo/dagger.py"
SMALL = {"rounds": 2, "labels": 60, "lanes": 4, "batches": 3, "batch": 32, "levels": 2, "every": 2, "hidden": 32}


@pytest.fixture(scope="module")
def dagger():
    spec = importlib.util.spec_from_file_location("ppo_dagger", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_stopped_in_the_second_round_it_goes_on_to_the_same_policy(dagger, tmp_path):
    config = dagger.Config(out=str(tmp_path / "whole"), channels=4, **SMALL)
    whole = dagger.main(config)
    net, card = load_policy(whole)
    assert card.steps == 2 * SMALL["labels"]
    assert net.shape == (84, 84, 4)
    curve = (tmp_path / "whole/curve.csv").read_text()
    (tmp_path / "whole/checkpoint-00000002.safetensors").unlink()  # as if it had been stopped after the labels
    whole_bytes = whole.read_bytes()
    assert dagger.main(replace(config, resume=True)).read_bytes() == whole_bytes
    assert [row.split(",")[:4] for row in curve.splitlines()] == [
        row.split(",")[:4] for row in (tmp_path / "whole/curve.csv").read_text().splitlines()
    ]
    (tmp_path / "whole/checkpoint-00000002.safetensors").unlink()
    (tmp_path / "whole/round-001.npz").unlink()  # and before them
    assert dagger.main(replace(config, resume=True)).read_bytes() == whole_bytes


def test_every_label_belongs_to_its_picture(dagger, tmp_path):
    labels = dagger.Labels(100)
    config = dagger.Config(out=str(tmp_path), channels=4, **SMALL)
    network, _ = dagger.make_network(dagger.basis(config), dagger.Sidescroller.spec)
    dagger.collect(config, network, labels, 0)
    assert labels.count == SMALL["labels"]
    assert labels.good[np.arange(labels.count), labels.first[: labels.count]].all()
    stacks = labels.stacks[: labels.count]
    assert (stacks < labels.shown).all()
    assert (np.diff(stacks, axis=1) >= 0).all()  # oldest first


def test_a_player_sees_what_the_game_shows(dagger):
    made = dagger.level(3, 4)
    game = dagger.Sidescroller(1, {"level": 3})
    game.reset(bytes(16))
    player = dagger.Player(made, skipped=20)
    for action in made.proof[:20]:
        game.step({0: Move(action)})
    for action in (*made.proof[20:30], 0, 6):
        vector = game.observe(0, Views(vector=True)).vector
        assert np.array_equal(vector, np.stack(player.stack, axis=-1))
        game.step({0: Move(action)})
        player.step(action)


def test_moved_pictures_keep_their_size_and_content(dagger):
    pictures = np.random.default_rng(0).integers(0, 256, (16, 4, 84, 84)).astype(np.uint8)
    out = dagger.moved(pictures.copy(), 2, np.random.default_rng(1))
    assert out.shape == pictures.shape
    assert any(
        np.array_equal(out[0, :, 4:-4, 4:-4], pictures[0, :, 4 + down : 80 + down, 4 + right : 80 + right])
        for down in range(-2, 3)
        for right in range(-2, 3)
    )
