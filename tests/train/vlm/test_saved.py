"""The state of an engine in its folder."""

from __future__ import annotations

import pytest

pytest.importorskip("peft")

import torch

from arena.errors import CheckpointError
from arena.train.vlm import saved
from arena.train.vlm.learnable import new_optimizer


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "engine.json"])
@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(file.read_bytes()[:-9]), lambda file: file.unlink()])
def test_a_file_that_is_cut_short_or_gone_is_named_with_what_to_do(tmp_path, name, spoil):
    weights = dict(torch.nn.Linear(2, 2).named_parameters())
    optimizer = new_optimizer(weights)
    sum(one.sum() for one in weights.values()).backward()
    optimizer.step()
    saved.write_state(tmp_path / "state", weights, optimizer, {})
    saved.read_state(tmp_path / "state", weights, optimizer, {})
    spoil(tmp_path / "state" / name)
    with pytest.raises(CheckpointError) as caught:
        saved.read_state(tmp_path / "state", weights, optimizer, {})
    assert all(word in str(caught.value) for word in (str(tmp_path / "state"), name, "Name another one"))
