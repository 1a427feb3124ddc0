"""The engine in this process: it scores as the sampler does, however a batch is divided, and goes on exactly."""

from __future__ import annotations

import json
import math
import resource
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("peft")

import torch

from arena.errors import ArenaError, CheckpointError, InputError
from arena.train.vlm.engine import Datum, OptimParams
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from tests.operators.vlm_kit import text_model
from tests.train.vlm.engine_kit import answered, drawn, weighted

CONFIG = LocalConfig(dtype="float32", tokens=512)
STEP = OptimParams(learning_rate=3e-4)
MODES = ("full", "lora")
FROZEN = {"mode": "full", "freeze_vision_tower": True}
HOW = [{"mode": "full"}, {"mode": "lora"}, FROZEN]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def sampled():
    """(data, the sampler's log-probabilities)."""
    return answered()


def engine(folder, **how):
    return LocalEngine("vlm", folder, replace(CONFIG, **how))


def update(made, data, parts=1):
    data = weighted(data)
    size = -(-len(data) // parts)
    for start in range(0, len(data), size):
        made.forward_backward(data[start : start + size], "cross_entropy")
    return made.optim_step(STEP)


def gradient(made, data, parts):
    size = -(-len(data) // parts)
    for start in range(0, len(data), size):
        made.forward_backward(data[start : start + size], "cross_entropy")
    return {name: one.grad.clone() for name, one in made._trained.items() if one.grad is not None}


def worst(one, other):
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_scores_as_the_sampler_does(sampled, tmp_path):
    data, mu = sampled
    assert worst(engine(tmp_path).forward_backward(data, None).logprobs, mu) < 1e-5


@pytest.mark.parametrize("mode", MODES)
def test_the_sampler_takes_its_weights_and_scores_alike(sampled, tmp_path, mode):
    made = engine(tmp_path, mode=mode)
    before = made.forward_backward(sampled[0], None).logprobs
    update(made, sampled[0])
    path = made.sampler_weights("pi_v1")
    assert json.loads((path / "weights.json").read_text())["version"] == "pi_v1"
    data, mu = answered(path=path)
    assert worst(made.forward_backward(data, None).logprobs, mu) < 1e-5
    assert worst(made.forward_backward(sampled[0], None).logprobs, before) > 1e-2


def test_log_probabilities_are_those_of_the_temperature(tmp_path):
    data, mu = answered(temperature=0.7)
    assert worst(engine(tmp_path, temperature=0.7).forward_backward(data, None).logprobs, mu) < 1e-5


def test_given_texts_are_scored_at_temperature_1_whatever_the_samplers(sampled, tmp_path):
    cold, plain = (
        engine(tmp_path / name, temperature=heat).forward_backward(weighted(sampled[0]), "cross_entropy")
        for name, heat in (("cold", 0.5), ("plain", 1.0))
    )
    assert same(cold.logprobs, plain.logprobs)
    assert cold.metrics == plain.metrics


@pytest.mark.parametrize(
    ("mode", "dtype", "checkpointing"),
    [("full", "float32", False), ("full", "bfloat16", False), ("lora", "bfloat16", True)],
)
def test_a_row_scores_the_same_bits_however_it_is_called(sampled, tmp_path, mode, dtype, checkpointing):
    data, _ = sampled
    made = engine(tmp_path, mode=mode, dtype=dtype, checkpointing=checkpointing, tokens=320)
    old = made.forward_backward(data, None).logprobs
    order = np.random.default_rng(0).permutation(len(data))
    rows = weighted(data)
    for part in np.split(order, 3):
        now = made.forward_backward([rows[i] for i in part], "cross_entropy").logprobs
        assert same(now, [old[i] for i in part])


def test_a_batch_that_is_always_whole_is_computed_without_copies(sampled, tmp_path):
    """So the canary after each update costs its own text and no more; what it scores is the same but for rounding."""
    data, _ = sampled
    made = engine(tmp_path, mode="full")
    read = []
    hook = made.model.model.text_model.register_forward_hook(lambda *call: read.append(call[2][0].shape[:2].numel()))
    usual, filled = made.forward_backward(data, None).logprobs, sum(read)
    read.clear()
    alone = made.forward_backward(data, None, {"alone": True}).logprobs
    hook.remove()
    assert sum(read) < filled / 2
    assert worst(alone, usual) < 1e-5


def test_the_first_ratio_of_the_policy_loss_is_exactly_1(sampled, tmp_path):
    data, mu = sampled
    made = engine(tmp_path, dtype="bfloat16")
    old = made.forward_backward(data, None).logprobs
    rows = weighted(data)
    rows = [
        replace(row, inputs={**row.inputs, "old": was, "mu": by, "advantage": np.ones_like(was)})
        for row, was, by in zip(rows, old, mu, strict=True)
    ]
    metrics = made.forward_backward(rows, "policy").metrics
    assert metrics["actor/ratio_error"] == 0
    assert made.optim_step(STEP)["grad_norm"] > 0
    assert made.forward_backward(rows, "policy").metrics["actor/ratio_error"] > 0


def test_accumulated_gradients_are_those_of_one_call(sampled, tmp_path):
    data = weighted(sampled[0])
    made = engine(tmp_path, mode="full", tokens=320)
    whole = gradient(made, data, 1)
    made.optimizer.zero_grad()
    parts = gradient(made, data, 5)
    assert max(float((whole[name] - parts[name]).abs().max()) for name in whole) < 1e-6


def test_checkpointing_changes_no_gradient(sampled, tmp_path):
    data = weighted(sampled[0])
    plain, kept = (gradient(engine(tmp_path, checkpointing=one), data, 1) for one in (False, True))
    assert all(torch.equal(plain[name], kept[name]) for name in plain)


def test_tokens_that_are_never_sampled_have_no_probability(sampled, tmp_path):
    made = engine(tmp_path)
    banned, one = made.learner.banned(), sampled[0][0]
    assert banned[made.learner.image_token]
    allowed = [replace(one, response=np.array([token], np.int32)) for token in np.flatnonzero(~banned)]
    logprobs = np.concatenate(made.forward_backward(allowed, None).logprobs)
    assert np.exp(logprobs.astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(InputError, match=r"'<image>'.*is never sampled"):
        made.forward_backward([replace(one, response=np.array([made.learner.image_token], np.int32))], None)


def test_a_critic_is_given_the_state_that_each_token_is_predicted_from(sampled, tmp_path):
    made, data = engine(tmp_path, mode="full", dtype="float32"), sampled[0][:3]
    every = made.forward_backward(data, None, {"states": "response"})
    first = made.forward_backward(data, None, {"states": "prompt"})
    head = made.model.get_output_embeddings()
    for one, states, alone, logprobs in zip(data, every.states, first.states, every.logprobs, strict=True):
        assert np.array_equal(states[:1], alone)
        logits = head(torch.from_numpy(states)).masked_fill(made._banned, -torch.inf)
        said = logits.log_softmax(-1)[np.arange(len(one.response)), one.response.astype(np.int64)]
        assert np.allclose(said.detach().numpy(), logprobs, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_the_reference_is_the_start(sampled, tmp_path, mode):
    made = engine(tmp_path, mode=mode)
    before = made.forward_backward(sampled[0], None).logprobs
    update(made, sampled[0])
    assert same(made.forward_backward(sampled[0], None, reference=True).logprobs, before)
    assert not same(made.forward_backward(sampled[0], None).logprobs, before)


def test_an_adapter_changes_the_language_layers_alone(tmp_path):
    names = list(engine(tmp_path)._trained)
    assert names
    assert all(".text_model.layers." in name and ".lora_" in name for name in names)


def test_a_frozen_tower_sees_as_before_and_the_rest_learns(sampled, tmp_path):
    made = engine(tmp_path, **FROZEN)
    before = {name: one.detach().clone() for name, one in made.model.named_parameters()}
    update(made, sampled[0])
    changed = {name for name, one in made.model.named_parameters() if not torch.equal(one, before[name])}
    tower = {name for name in before if name.startswith(("model.vision_model.", "model.connector."))}
    assert tower
    assert changed == before.keys() - tower


def test_a_frozen_tower_leaves_the_gradient_of_the_rest_as_it_is(sampled, tmp_path):
    frozen = gradient(engine(tmp_path, **FROZEN), weighted(sampled[0]), 1)
    whole = gradient(engine(tmp_path, mode="full"), weighted(sampled[0]), 1)
    assert frozen.keys() < whole.keys()
    for name, one in frozen.items():
        assert torch.allclose(one, whole[name], atol=1e-6), name


def test_a_model_without_a_tower_has_none_to_freeze(tmp_path):
    with pytest.raises(InputError, match="has no vision tower: leave freeze_vision_tower out"):
        LocalEngine(f"llm:{text_model(tmp_path / 'words')}", tmp_path, replace(CONFIG, **FROZEN))


@pytest.mark.parametrize("how", HOW, ids=str)
def test_three_updates_and_three_more_are_six(sampled, tmp_path, how):
    data = sampled[0][:4]
    six = engine(tmp_path, **how)
    norms = [update(six, data)["grad_norm"] for _ in range(6)]
    three = engine(tmp_path, **how)
    for _ in range(3):
        update(three, data)
    three.save_state(tmp_path / "state")
    more = engine(tmp_path, **how, seed=5)
    more.load_state(tmp_path / "state")
    assert [update(more, data)["grad_norm"] for _ in range(3)] == norms[3:]
    assert all(torch.equal(six._trained[name], one) for name, one in more._trained.items())


def test_a_state_of_another_model_or_version_is_refused(tmp_path):
    made = engine(tmp_path)
    made.save_state(tmp_path / "state")
    with pytest.raises(CheckpointError, match="rank=32, not 8"):
        engine(tmp_path, rank=8).load_state(tmp_path / "state")
    with pytest.raises(CheckpointError, match="mode=lora, not full"):
        engine(tmp_path, mode="full").load_state(tmp_path / "state")
    engine(tmp_path, **FROZEN).save_state(tmp_path / "frozen")
    with pytest.raises(CheckpointError, match="freeze_vision_tower=True, not None"):
        engine(tmp_path, mode="full").load_state(tmp_path / "frozen")
    with pytest.raises(InputError, match="never overwritten"):
        made.save_state(tmp_path / "state")
    facts = json.loads((tmp_path / "state" / "engine.json").read_text())
    (tmp_path / "state" / "engine.json").write_text(json.dumps({**facts, "base": {"model.safetensors": "0"}}))
    with pytest.raises(CheckpointError, match="other files"):
        made.load_state(tmp_path / "state")
    (tmp_path / "state" / "engine.json").write_text(json.dumps({**facts, "version": 99}))
    with pytest.raises(CheckpointError, match="version 99"):
        made.load_state(tmp_path / "state")
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        made.load_state(tmp_path)


def test_a_loss_that_is_no_number_stops_with_its_rows_saved(sampled, tmp_path):
    made = engine(tmp_path)
    before = {name: one.detach().clone() for name, one in made._trained.items()}
    rows = weighted(sampled[0][:3])
    rows[1].inputs["weight"][0] = np.nan
    with pytest.raises(ArenaError, match=r"the loss cross_entropy is nan \(in sft/loss\).*failed-batch-0.npz"):
        made.forward_backward(rows, "cross_entropy")
    saved = np.load(tmp_path / "failed-batch-0.npz")
    assert np.array_equal(saved["1.response"], rows[1].response)
    assert np.isnan(saved["1.weight"][0])
    assert all(torch.equal(before[name], one) for name, one in made._trained.items())


def test_a_gradient_that_is_no_number_stops_before_the_weights_change(sampled, tmp_path):
    made = engine(tmp_path)
    made.forward_backward(weighted(sampled[0][:2]), "cross_entropy")
    next(iter(made._trained.values())).grad.fill_(float("inf"))
    with pytest.raises(ArenaError, match=r"the norm of the gradient is .*failed-batch-0.npz"):
        made.optim_step(STEP)
    assert all(bool(one.isfinite().all()) for one in made._trained.values())


def test_a_full_disk_leaves_the_last_state(tmp_path):
    made = engine(tmp_path)
    made.save_state(tmp_path / "one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(ArenaError, match="two cannot be written"):
            made.save_state(tmp_path / "two")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    made.load_state(tmp_path / "one")


def test_without_memory_it_says_what_to_lower(sampled, tmp_path):
    made = engine(tmp_path, mode="full", tokens=1 << 50)
    with pytest.raises(ArenaError, match=r"lower tokens= \(now 1125"):
        made.forward_backward(sampled[0], None)


@pytest.mark.parametrize(("mode", "said"), [("full", "set mode=lora"), ("lora", r"lower rank= \(now 32\)")])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), None])
def test_a_step_without_memory_says_what_to_lower(sampled, tmp_path, monkeypatch, mode, said, error):
    """`None`: torch's own error of a CPU."""
    made = engine(tmp_path, mode=mode)
    made.forward_backward(weighted(sampled[0][:1]), "cross_entropy")

    def step():
        if error is None:
            torch.empty(1 << 48)
        raise error

    monkeypatch.setattr(made.optimizer, "step", step)
    with pytest.raises(ArenaError, match=f"out of memory on cpu in the optimiser's step: {said}.*last checkpoint"):
        made.optim_step(OptimParams(learning_rate=1e-3))
    assert all(one.grad is None for one in made._trained.values())


def test_a_pass_without_memory_on_a_cpu_says_what_to_lower(sampled, tmp_path, monkeypatch):
    """Torch's own error, which has no class of its own there."""
    made = engine(tmp_path)
    monkeypatch.setattr(made, "_score", lambda *_: torch.empty(1 << 48))
    with pytest.raises(ArenaError, match=r"out of memory on cpu in a pass of .*: lower tokens="):
        made.forward_backward(sampled[0], None)


def test_another_error_of_a_step_stays_what_it_is(tmp_path, monkeypatch):
    made = engine(tmp_path)
    monkeypatch.setattr(made, "_clip", lambda most: torch.ones(()))
    monkeypatch.setattr(made.optimizer, "step", lambda: torch.ones(2) @ torch.ones(3))
    with pytest.raises(RuntimeError, match="size"):
        made.optim_step(OptimParams(learning_rate=1e-3))


@pytest.mark.parametrize("version", ["", ".", "../v1", "a/b", "/v1"])
def test_weights_have_a_folder_of_their_own(tmp_path, version):
    with pytest.raises(InputError, match="expected letters, digits, points and dashes, as in pi_v1"):
        engine(tmp_path / "weights").sampler_weights(version)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def replaced(one, **how):
    return [replace(one, **how)]


WRONG = [
    (lambda rows: (rows, None, {"stats": "prompt"}), "has no setting 'stats'. Did you mean states"),
    (lambda rows: (rows, None, {"states": "all"}), "states='all': expected 'prompt' or 'response'"),
    (lambda rows: (rows, "cross_entropy", {"clip": 1.0}), "cross_entropy has no setting 'clip'"),
    (lambda rows: (rows, "policy", {"clip": 1.0}), "the policy loss has no setting 'clip'"),
    (lambda rows: ([*rows, *replaced(rows[0], inputs={})], "cross_entropy"), r"some data of a call have inputs\['weig"),
    (
        lambda rows: (replaced(rows[0], response=np.int32([-1]), inputs={}), None),
        "datum 0 has token -1: the model has 0",
    ),
    (lambda rows: (replaced(rows[0], prompt=np.int32([10**9])), None), "datum 0 has token 1000000000"),
    (
        lambda rows: (replaced(rows[0], response=np.int32([]), inputs={}), None),
        "datum 0 has an empty prompt",
    ),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_an_engine_cannot_take_is_refused_in_words(tmp_path, wrong, said):
    made = engine(tmp_path)
    with pytest.raises(InputError, match=said):
        made.forward_backward(*wrong(weighted(drawn(made.learner)[:2])))


def test_inputs_have_a_number_for_each_token():
    with pytest.raises(InputError, match=r"inputs\['weight'\] has shape \(2,\): expected \(3,\)"):
        Datum(prompt=np.int32([1]), response=np.int32([1, 2, 3]), inputs={"weight": np.ones(2, np.float32)})


@pytest.mark.parametrize(
    "wrong", [{"learning_rate": -1.0}, {"betas": (0.9, 1.0)}, {"eps": 0.0}, {"grad_norm": math.nan}]
)
def test_a_step_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError, match=f"OptimParams.{next(iter(wrong))}="):
        OptimParams(**{"learning_rate": 1e-3, **wrong})


def test_an_operator_without_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"random is no language model with weights\. vlm and llm are"):
        LocalEngine("random", tmp_path)
