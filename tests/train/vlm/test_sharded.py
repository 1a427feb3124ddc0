"""Two processes that each hold a part of a model do what one does that holds it all."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("peft")
pytest.importorskip("accelerate")

from safetensors.numpy import load_file

from arena.train.vlm.local import LocalEngine
from tests.train.vlm.engine_kit import drawn, weighted
from tests.train.vlm.two_shards import CONFIGS, STEP


@pytest.fixture(scope="module", params=["full", "lora"])
def both(request, tmp_path_factory):
    """The folder that two processes wrote, and (engine, what it scored, its gradients, its norm, its rows) of one."""
    out = tmp_path_factory.mktemp(request.param)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "tests.train.vlm.two_shards", str(out), request.param],
        env=os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    made = LocalEngine("vlm", tmp_path_factory.mktemp("one"), CONFIGS[request.param])
    rows = weighted(drawn(made.learner))
    scored = made.forward_backward(rows, "cross_entropy")
    gradients = {name: one.grad.numpy().copy() for name, one in made._trained.items() if one.grad is not None}
    norm = made.optim_step(STEP)["grad_norm"]
    return out, (made, scored, gradients, norm, rows)


def largest(one, other):
    assert set(one) == set(other)
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def test_gradients_and_their_norm_are_those_of_one_process(both):
    out, (_, _, gradients, norm, _) = both
    found = np.load(out / "gradients-0.npz")
    assert largest(found, gradients) < 1e-6
    assert max(float(np.abs(found[name]).max()) for name in gradients) > 1e-3
    for number in range(2):
        assert float(np.load(out / f"facts-{number}.npz")["norm"]) == pytest.approx(norm, rel=1e-5)


def test_each_process_holds_half_of_what_is_divided(both):
    out, _ = both
    facts = [np.load(out / f"facts-{number}.npz") for number in range(2)]
    assert sum(int(one["held"]) for one in facts) == int(facts[0]["every"]) > 0
    assert max(int(one["held"]) for one in facts) < 0.6 * int(facts[0]["every"])


def test_each_process_has_every_score_and_what_counts_counts_once(both):
    out, (_, scored, _, _, _) = both
    for number in range(2):
        found = np.load(out / f"scored-{number}.npz")
        assert float(found["loss"]) == pytest.approx(scored.metrics["sft/loss"], abs=1e-6)
        for at, logprobs in enumerate(scored.logprobs):
            assert np.abs(found[f"arr_{at}"] - logprobs).max() < 1e-6


def test_what_is_written_is_whole_and_one_process_goes_on_with_it(both, tmp_path):
    out, (made, _, _, _, rows) = both
    weights = {name: one.detach().numpy() for name, one in made._trained.items()}
    assert largest(load_file(out / "state" / "weights.safetensors"), weights) < 1e-5
    made.sampler_weights("pi_v1")
    file = "model.safetensors" if made.config.mode == "full" else "adapter_model.safetensors"
    theirs, ours = (load_file(folder / "pi_v1" / file) for folder in (out, made.folder))
    assert largest(theirs, ours) < 1e-5
    made.load_state(out / "state")
    made.forward_backward(rows, "cross_entropy")
    made.optim_step(STEP)
    made.save_state(tmp_path / "second")
    for name in ("weights", "optimizer"):
        parts = [load_file(folder / "second" / f"{name}.safetensors") for folder in (out, tmp_path)]
        assert largest(*parts) < 1e-5


def test_it_goes_on_from_its_own_state_as_one_process_does(both):
    out, (made, _, _, _, rows) = both
    made.load_state(out / "state")
    scored = made.forward_backward(rows, None).logprobs
    for number in range(2):
        found = np.load(out / f"again-{number}.npz")
        assert max(float(np.abs(found[f"arr_{at}"] - one).max()) for at, one in enumerate(scored)) < 1e-5


def test_a_loss_that_is_no_number_in_one_is_raised_in_both_with_its_rows_written_once(both):
    out, _ = both
    said = [(out / f"said-{number}.txt").read_text() for number in range(2)]
    assert said[0] == said[1]
    assert "the loss cross_entropy is nan" in said[0]
    assert [path.name for path in out.glob("failed-batch-*")] == ["failed-batch-0.npz"]
