"""PPO training: it learns, it resumes bit for bit, it says what is wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

from safetensors import SafetensorError

from arena.errors import ArenaError, CheckpointError, InputError
from arena.train import checkpoint
from arena.train.config import PpoConfig
from arena.train.policy import load_policy
from arena.train.ppo import main
from tests.train.toy import Toy

SMALL = PpoConfig(
    game="toy",
    out="",
    steps=4 * 8 * 16,
    seed=3,
    seats=(2, 3),
    progress=False,
    envs=8,
    rollout=16,
    batch=64,
    hidden=16,
    pool_past=1.0,
    snapshot_every=1,
    pool_size=2,
    checkpoint_every=100,
)


def _train(folder, updates=None, **changes):
    config = dataclasses.replace(SMALL, out=str(folder), **changes)
    return main(config, Toy, updates)


def test_two_updates_and_two_more_equal_four(tmp_path):
    whole = _train(tmp_path / "whole")
    _train(tmp_path / "parts", updates=2)
    parts = _train(tmp_path / "parts", resume=True)
    assert parts.read_bytes() == whole.read_bytes()
    assert parts.with_suffix(".json").read_bytes() == whole.with_suffix(".json").read_bytes()
    assert (tmp_path / "parts/curve.csv").read_bytes() == (tmp_path / "whole/curve.csv").read_bytes()
    checkpoints = [next((tmp_path / name).glob("checkpoint-*")) for name in ("whole", "parts")]
    assert checkpoints[0].name == checkpoints[1].name == "checkpoint-00000004.safetensors"
    assert checkpoints[0].read_bytes() == checkpoints[1].read_bytes()


def test_a_run_killed_after_its_checkpoint_continues_from_it(tmp_path):
    whole = _train(tmp_path / "whole")
    _train(tmp_path / "killed", updates=3, checkpoint_every=2, keep=9)
    (tmp_path / "killed/checkpoint-00000003.safetensors").unlink()
    assert _train(tmp_path / "killed", resume=True).read_bytes() == whole.read_bytes()
    assert (tmp_path / "killed/curve.csv").read_bytes() == (tmp_path / "whole/curve.csv").read_bytes()


def test_another_seed_gives_other_weights(tmp_path):
    one, two = _train(tmp_path / "1", updates=1), _train(tmp_path / "2", updates=1, seed=4)
    assert one.read_bytes() != two.read_bytes()


def test_it_learns(tmp_path):
    path = _train(tmp_path, steps=10_000, rollout=32, rate=3e-3, pool_past=0.0)
    mlp, card = load_policy(path)
    assert card.game == "toy"
    assert card.steps >= 10_000
    for number in range(6):
        vector = np.zeros((1, 8), np.float32)
        vector[0, number], vector[0, 7] = 1, 2
        assert int(mlp.rows(vector)[0, :2].argmax()) == (number >= 3)


def test_tensorboard_is_written(tmp_path):
    pytest.importorskip("tensorboard")
    _train(tmp_path, updates=1)
    assert list((tmp_path / "tb").glob("events.*"))


def test_a_folder_in_use_wants_resume(tmp_path):
    _train(tmp_path, updates=1)
    with pytest.raises(InputError, match="--resume"):
        _train(tmp_path)


def test_resuming_with_other_settings_is_refused(tmp_path):
    _train(tmp_path, updates=1)
    with pytest.raises(InputError, match="hidden=16, not 32"):
        _train(tmp_path, resume=True, hidden=32)


def test_a_damaged_checkpoint_is_named(tmp_path):
    _train(tmp_path, updates=1)
    path = next(tmp_path.glob("checkpoint-*"))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CheckpointError, match=path.name):
        _train(tmp_path, resume=True)


def test_one_that_was_killed_before_its_first_checkpoint_begins_anew(tmp_path):
    """Its curve has lines by then."""
    whole = _train(tmp_path / "whole")
    _train(tmp_path / "killed", updates=1)
    for path in (*(tmp_path / "killed").glob("checkpoint-*"), *(tmp_path / "killed").glob("policy.*")):
        path.unlink()
    assert _train(tmp_path / "killed", resume=True).read_bytes() == whole.read_bytes()
    assert (tmp_path / "killed/curve.csv").read_bytes() == (tmp_path / "whole/curve.csv").read_bytes()


def test_a_policy_without_a_checkpoint_is_not_overwritten(tmp_path):
    policy = _train(tmp_path, updates=1)
    next(tmp_path.glob("checkpoint-*")).unlink()
    before = policy.read_bytes()
    with pytest.raises(CheckpointError, match=f"has no checkpoint any more.*ppo:{tmp_path} seats it"):
        _train(tmp_path, resume=True)
    assert policy.read_bytes() == before


def test_a_full_disk_says_how_to_go_on(tmp_path, monkeypatch):
    whole = _train(tmp_path / "whole", checkpoint_every=1)
    real, calls = checkpoint.save_file, []

    def full(*given):
        calls.append(given)
        if len(calls) > 2:
            raise SafetensorError("I/O error: No space left on device (os error 28)")
        real(*given)

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(ArenaError, match=r"checkpoint-00000003.* cannot be written: .*No space left.*with --resume"):
        _train(tmp_path / "full", checkpoint_every=1)
    monkeypatch.undo()
    assert not list((tmp_path / "full").glob("*.partial"))
    assert _train(tmp_path / "full", checkpoint_every=1, resume=True).read_bytes() == whole.read_bytes()
