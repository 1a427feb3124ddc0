"""Two processes of one engine do what one does."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("peft")
pytest.importorskip("accelerate")

from safetensors.numpy import load_file

from arena.train.vlm.engine import OptimParams
from arena.train.vlm.local import LocalEngine
from tests.train.vlm.engine_kit import drawn, weighted
from tests.train.vlm.two_processes import CONFIG


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder that two processes wrote."""
    out = tmp_path_factory.mktemp("two")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "tests.train.vlm.two_processes", str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """(engine, what it scored, its gradients, its rows)."""
    made = LocalEngine("vlm", tmp_path_factory.mktemp("one"), CONFIG)
    rows = weighted(drawn(made.learner))
    scored = made.forward_backward(rows, "cross_entropy")
    return made, scored, {name: p.grad.numpy().copy() for name, p in made._trained.items()}, rows


def test_the_gradients_are_those_of_one_process(two, one):
    _, _, gradients, _ = one
    for number in range(2):
        found = np.load(two / f"gradients-{number}.npz")
        assert set(found) == set(gradients)
        assert max(float(np.abs(found[name] - gradients[name]).max()) for name in gradients) < 1e-6
        assert max(float(np.abs(found[name]).max()) for name in gradients) > 1e-3


def test_each_process_has_every_score(two, one):
    _, scored, _, _ = one
    for number in range(2):
        found = np.load(two / f"scored-{number}.npz")
        assert float(found["loss"]) == pytest.approx(scored.metrics["sft/loss"], abs=1e-6)
        for at, logprobs in enumerate(scored.logprobs):
            assert np.array_equal(found[f"arr_{at}"], logprobs)


def test_a_step_is_that_of_one_process(two, one):
    made, _, _, _ = one
    made.optim_step(OptimParams(learning_rate=1e-3))
    found = load_file(two / "state" / "weights.safetensors")
    for name, p in made._trained.items():
        assert np.abs(found[name] - p.detach().numpy()).max() < 1e-5


def test_what_fails_in_one_is_raised_in_both(two):
    said = [(two / f"said-{number}.txt").read_text() for number in range(2)]
    assert said[0] == said[1]
    assert "the loss cross_entropy is nan" in said[0]
