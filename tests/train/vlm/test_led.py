"""An engine of two processes, the first of which leads, does what one process does."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("peft")
pytest.importorskip("accelerate")

from safetensors.numpy import load_file

from arena.train.vlm import engines, led
from arena.train.vlm.config import load
from arena.train.vlm.engine import OptimParams
from arena.train.vlm.local import LocalEngine
from tests.train.vlm.engine_kit import drawn, weighted
from tests.train.vlm.two_processes import CONFIG


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder that two processes wrote."""
    out = tmp_path_factory.mktemp("two")
    done = subprocess.run(
        [sys.executable, "-m", "tests.train.vlm.two_led", str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def test_a_step_is_that_of_one_process(two, tmp_path):
    made = LocalEngine("vlm", tmp_path, CONFIG)
    rows = weighted(drawn(made.learner))
    scored = made.forward_backward(rows, "cross_entropy")
    made.optim_step(OptimParams(learning_rate=1e-3))
    theirs = np.load(two / "scored.npz")
    assert all(np.array_equal(theirs[f"arr_{at}"], one) for at, one in enumerate(scored.logprobs))
    found = load_file(two / "state" / "weights.safetensors")
    assert max(float(np.abs(found[name] - p.detach().numpy()).max()) for name, p in made._trained.items()) < 1e-5


def test_what_fails_in_one_is_raised_and_both_go_on(two):
    assert "the loss cross_entropy is nan" in (two / "nan.txt").read_text()


def test_a_process_that_ended_is_named(two):
    said = (two / "gone.txt").read_text()
    assert "process 1 of the trainer ended" in said
    assert "1.log" in said


def test_a_training_has_as_many_processes_as_it_is_placed_in(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(led, "start", lambda *_, **named: asked.append(named) or LocalEngine(*_))
    engines.make(load(None, None, ("placement.processes=3", "placement.divided=true"), ("leduc",)), tmp_path)
    assert asked == [{"processes": 3, "divided": True, "threads": 1}]
