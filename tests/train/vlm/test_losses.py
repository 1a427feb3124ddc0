"""The losses: their formulas written out, and gradients that stay equal however the batch is divided."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from arena.errors import ArenaError, InputError
from arena.train.vlm.losses import cross_entropy, find, policy, score
from arena.train.vlm.policy_config import PolicyConfig
from arena.train.vlm.tokens import FAR, token_inputs
from tests.train.vlm.batches import row

OWN = Path(__file__).parents[3] / "docs" / "examples" / "own_training.py"
number = st.floats(-3, 3, width=32)


def loss(change: float, advantage: float, *, old: float = -1.0, mu: float | None = None, **config: Any) -> float:
    """Of one token whose log-probability changed by `change`."""
    inputs = {"advantage": torch.tensor([advantage]), "old": torch.tensor([old]), "weight": torch.ones(1)}
    if mu is not None:
        inputs["mu"] = torch.tensor([mu])
    return float(policy(torch.tensor([old + change]), inputs, config)[0])


def drawn(tokens: int, seed: int = 0, turns: int = 3) -> tuple[Tensor, dict[str, Tensor]]:
    made = torch.Generator().manual_seed(seed)

    def normal() -> Tensor:
        return torch.randn(tokens, generator=made)

    old = -normal().abs()
    inputs = {
        **dict(advantage=normal(), old=old, mu=old + 0.3 * normal(), ref=old + 0.3 * normal(), entropy=normal().abs()),
        "weight": torch.rand(tokens, generator=made) / tokens,
        "turn": torch.arange(tokens) * turns // tokens,
    }
    return old + 0.3 * normal(), inputs


@given(number, number)
@settings(deadline=None)
def test_the_clipped_objective_is_that_of_its_formula(change: float, advantage: float) -> None:
    rho = math.exp(change)
    gain = min(rho * advantage, min(max(rho, 0.8), 1.28) * advantage)
    if advantage < 0:
        gain = max(gain, 10 * advantage)
    assert loss(change, advantage) == pytest.approx(-gain, rel=1e-4, abs=1e-5)


@given(number)
@settings(deadline=None)
def test_the_samplers_mismatch_weighs_a_token_up_to_a_bound(mismatch: float) -> None:
    assert loss(0.0, 1.0, mu=-1.0 - mismatch) == pytest.approx(-min(math.exp(mismatch), 2.0), rel=1e-4)


def test_the_distance_to_the_reference_is_k3() -> None:
    inputs = {"advantage": torch.zeros(1), "old": -torch.ones(1), "weight": torch.ones(1), "ref": torch.tensor([-1.5])}
    made, sums = policy(-torch.ones(1), inputs, {"kl": 0.5})
    k3 = math.exp(-0.5) + 0.5 - 1
    assert (float(made), sums["actor/kl"]) == (pytest.approx(0.5 * k3, rel=1e-5), pytest.approx(k3, rel=1e-5))


def test_what_a_setting_needs_must_be_there() -> None:
    logprobs, inputs = drawn(4)
    for name, setting in (("ref", "kl"), ("entropy", "entropy")):
        with pytest.raises(ValueError, match=name):
            policy(logprobs, {key: value for key, value in inputs.items() if key != name}, {setting: 0.1})


def test_the_entropy_bonus_lowers_the_loss() -> None:
    logprobs, inputs = drawn(4)
    plain, with_bonus = (policy(logprobs, inputs, {"entropy": bonus})[0] for bonus in (0.0, 0.5))
    assert torch.allclose(plain - with_bonus, 0.5 * inputs["weight"] * inputs["entropy"])


def test_ratios_of_unchanged_weights_are_exactly_one() -> None:
    _, inputs = drawn(50)
    for ratio in ("token", "turn", "gspo"):
        sums = policy(inputs["old"].clone(), inputs, {"ratio": ratio})[1]
        assert (sums["actor/ratio_error"], sums["actor/ppo_kl"], sums["actor/clipfrac"]) == (0, 0, 0)


@pytest.mark.parametrize(("ratio", "expected"), [("turn", 0.3), ("gspo", 0.1)])
def test_the_ratio_of_a_turn_is_that_of_all_its_tokens(ratio: str, expected: float) -> None:
    old = -torch.ones(4)
    logprobs = (old + torch.tensor([0.0, 0.1, 0.2, 0.7])).requires_grad_()
    inputs = {"advantage": torch.ones(4), "old": old, "weight": torch.ones(4), "turn": torch.tensor([0, 0, 0, 1])}
    made, _ = policy(logprobs, inputs, {"ratio": ratio, "clip_high": 5.0})
    made.sum().backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(-made[:3], torch.full((3,), expected).exp())
    assert logprobs.grad is not None
    assert torch.allclose(-logprobs.grad[:3], torch.full((3,), expected).exp())  # each its own, not three times


@given(st.integers(1, 40), st.integers(0, 10**6), st.sampled_from(["token", "turn", "gspo"]), st.data())
@settings(max_examples=50, deadline=None)
def test_dividing_the_batch_changes_nothing(tokens: int, seed: int, ratio: str, data: st.DataObject) -> None:
    logprobs, inputs = drawn(tokens, seed, turns=min(tokens, 5))
    config = {"kl": 0.1, "entropy": 0.01, "ratio": ratio}
    cut = int(inputs["turn"][data.draw(st.integers(0, tokens - 1))])  # between two turns
    parts = [inputs["turn"] < cut, inputs["turn"] >= cut]

    def gradient(chosen: list[Tensor]) -> tuple[Tensor, dict[str, float]]:
        model = logprobs.clone().requires_grad_()
        total: dict[str, float] = {}
        for part in chosen:
            made, sums = policy(model[part], {name: value[part] for name, value in inputs.items()}, config)
            made.sum().backward()  # type: ignore[no-untyped-call]
            total = {name: total.get(name, 0.0) + one for name, one in sums.items()}
        assert model.grad is not None
        return model.grad, total

    (whole, sums), (divided, added) = gradient([torch.ones(tokens, dtype=torch.bool)]), gradient(parts)
    assert torch.allclose(whole, divided, atol=1e-6)
    assert all(added[name] == pytest.approx(one, abs=1e-5) for name, one in sums.items())


def test_a_token_without_weight_counts_for_nothing_even_where_it_cannot_be_scored() -> None:
    logprobs = torch.tensor([-1.0, -torch.inf], requires_grad=True)
    inputs = {
        **dict(advantage=torch.ones(2), old=torch.tensor([-1.0, -torch.inf]), mu=-torch.ones(2)),
        **dict(weight=torch.tensor([1.0, 0.0]), ref=torch.tensor([-1.0, -torch.inf])),
    }
    made, sums = policy(logprobs, inputs, {"kl": 0.1})
    made.sum().backward()  # type: ignore[no-untyped-call]
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == [-1.0, 0.0]
    assert all(math.isfinite(one) for one in sums.values())


def test_importance_weights_take_the_bias_of_another_sampler_away() -> None:
    """A bandit whose actions were drawn by mu: expectations over mu are exact sums, so no sample is drawn."""
    gains = torch.tensor([1.0, -0.5, 0.2])
    logits = torch.tensor([0.2, 0.1, -0.3], requires_grad=True)
    mu = torch.tensor([0.2, 0.5, 0.3])  # every policy / mu is below the bound of 2
    (logits.softmax(0) * gains).sum().backward()  # type: ignore[no-untyped-call]
    truth = logits.grad
    assert truth is not None

    def gradient(**config: Any) -> Tensor:
        model = logits.detach().clone().requires_grad_()
        logprobs = model.log_softmax(0)
        inputs = {"advantage": gains, "old": logprobs.detach(), "mu": mu.log(), "weight": mu}
        (-policy(logprobs, inputs, config)[0].sum()).backward()  # type: ignore[no-untyped-call]
        assert model.grad is not None
        return model.grad

    assert torch.allclose(gradient(), truth, atol=1e-6)
    assert not torch.allclose(gradient(importance=0.0), truth, atol=0.05)


def test_banned_tokens_have_no_part_in_probabilities_and_entropy() -> None:
    logits = torch.tensor([[1.0, 2.0, 30.0]], requires_grad=True)
    logprobs, entropy = score(logits, torch.tensor([1]), torch.tensor([False, False, True]))
    two = torch.tensor([1.0, 2.0]).log_softmax(0)
    assert torch.allclose(logprobs, two[1])
    assert torch.allclose(entropy, -(two.exp() * two).sum())
    (logprobs + entropy).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 2] == 0


def test_cross_entropy_is_weighted() -> None:
    made, sums = cross_entropy(torch.tensor([-1.0, -2.0]), {"weight": torch.tensor([0.25, 0.5])}, {})
    assert (made.tolist(), sums) == ([0.25, 1.0], {"sft/loss": 1.25})


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"clip_hihg": 0.3}, "Did you mean clip_high"),
        ({"ratio": "word"}, "expected token, turn, gspo"),
        ({"kl": "much"}, "expected a value like 0.0"),
        ({"clip_low": 1.0}, "less than 1"),
        ({"kl": -1.0}, "policy.kl=-1.0: expected at least 0"),
        ({"dual_clip": 1.2}, "more than 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(config: dict[str, Any], says: str) -> None:
    logprobs, inputs = drawn(2)
    with pytest.raises(InputError, match=says):
        policy(logprobs, inputs, config)


def test_a_users_own_term_is_added() -> None:
    logprobs, inputs = drawn(4)
    plain, _ = policy(logprobs, inputs, {})
    more, sums = policy(logprobs, inputs, {"terms": f"{OWN}:sure_of_good_turns", "sure.scale": 0.5})
    expected = -0.5 * inputs["weight"] * (inputs["advantage"] > 0) * logprobs
    assert torch.allclose(more - plain, expected, atol=1e-6)
    assert sums["actor/term/sure_of_good_turns"] == pytest.approx(float(expected.sum()))


def test_the_term_of_the_docs_needs_no_setting_that_a_training_cannot_give() -> None:
    logprobs, inputs = drawn(4)
    _, sums = policy(logprobs, inputs, {**asdict(PolicyConfig(terms=f"{OWN}:sure_of_good_turns"))})
    expected = -0.1 * inputs["weight"] * (inputs["advantage"] > 0) * logprobs
    assert sums["actor/term/sure_of_good_turns"] == pytest.approx(float(expected.sum()))


def test_a_term_without_a_number_for_each_token_is_refused(tmp_path: Path) -> None:
    """One number would be added to each of them, so that its scale would follow how a batch is divided."""
    (tmp_path / "own.py").write_text("def mean(logprobs, inputs, config):\n    return logprobs.mean()\n")
    logprobs, inputs = drawn(4)
    with pytest.raises(InputError, match=r"own\.py:mean returned a torch\.float32 tensor of shape \(\): expected"):
        policy(logprobs, inputs, {"terms": f"{tmp_path}/own.py:mean"})


def returning(folder: Path, text: str, name: str = "mine") -> str:
    """The name of a function of a loss's arguments that returns this."""
    (folder / "own.py").write_text(f"def {name}(logprobs, inputs, config):\n    return {text}\n")
    return f"{folder}/own.py"


def as_term(file: str) -> None:
    logprobs, inputs = drawn(4)
    policy(logprobs, inputs, {"terms": file})


def as_loss(file: str) -> None:
    logprobs, inputs = drawn(4)
    find(file)(logprobs.requires_grad_(), inputs, {})


GIVEN = [
    (as_term, "logprobs.detach().numpy()", "returned ndarray: expected a torch.float32 tensor"),
    (as_term, "(logprobs > 0)", "returned a torch.bool tensor of shape (4,)"),
    (as_term, "logprobs * float('nan')", "returned 4 of 4 numbers that are not finite"),
    (as_loss, "logprobs", "returned Tensor: expected (numbers of tokens, sums by name)"),
    (as_loss, "(logprobs.mean(), {})", "returned a torch.float32 tensor of shape (): expected"),
    (as_loss, "(inputs['weight'], {})", "does not follow from the log-probabilities"),
    (as_loss, "(logprobs, {'mine': 'much'})", "returned a sum that is no number"),
]


@pytest.mark.parametrize(("call", "returned", "said"), GIVEN, ids=[f"{one.__name__}-{text}" for one, text, _ in GIVEN])
def test_what_is_no_number_for_each_token_is_refused_by_what_it_is(
    tmp_path: Path, call: Callable[[str], None], returned: str, said: str
) -> None:
    file = returning(tmp_path, returned)
    with pytest.raises(InputError, match=re.escape(f"{file} {said}")):
        call(file)


def test_terms_have_metrics_of_their_own_whatever_they_are_called_and_however_often(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one = returning(tmp_path, "inputs['weight']", "entropy")
    two = returning(tmp_path / "other", "2 * inputs['weight']", "entropy")
    logprobs, inputs = drawn(4)
    _, plain = policy(logprobs, inputs, {})
    _, sums = policy(logprobs, inputs, {"terms": f"{one}, {two},{one}"})
    total = float(inputs["weight"].sum())
    added = {f"actor/term/entropy#{at}": pytest.approx(times * total) for at, times in ((1, 1), (2, 2), (3, 1))}
    assert sums == plain | added


def test_sums_of_a_loss_leave_it_as_numbers(tmp_path: Path) -> None:
    logprobs, inputs = drawn(4)
    _, sums = find(returning(tmp_path, "logprobs, {'mine': logprobs.sum()}"))(logprobs, inputs, {})
    assert type(sums["mine"]) is float


def test_an_unknown_loss_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"no loss is called 'polic'\. Did you mean policy"):
        find("polic")


# What comes with the tokens ------------------------------------------------------------------------------------------


def test_weights_are_those_of_the_whole_batch_and_thoughts_count_less() -> None:
    rows = [row(tokens=3, thought=2), row(tokens=1), row(tokens=2, trainable=False)]
    old = [one.mu.copy() for one in rows]
    made, metrics = token_inputs(rows, [np.full(3, 2.0), np.full(1, -1.0), np.zeros(2)], old, thought=0.5, parts=2)
    assert [one["advantage"].tolist() for one in made] == [[1, 1, 2], [-1], [0, 0]]
    assert [one["weight"].tolist() for one in made] == [[0.5] * 3, [0.5], [0, 0]]
    assert {array.dtype for one in made for array in one.values()} == {np.dtype(np.float32)}
    assert (metrics["mismatch/k3"], metrics["mismatch/ess"], metrics["mismatch/dropped"]) == (0, 1, 0)


@pytest.mark.parametrize(("change", "counts"), [(-0.7, False), (-0.6, True), (1.6, True), (1.7, False)])
def test_tokens_that_trainer_and_sampler_score_unlike_are_dropped(change: float, counts: bool) -> None:
    rows = [row(tokens=2)]
    made, metrics = token_inputs(rows, [np.ones(2)], [rows[0].mu + np.array([0, change], np.float32)])
    assert made[0]["weight"].tolist() == ([0.5, 0.5] if counts else [1.0, 0.0])
    assert metrics["mismatch/dropped"] == (0.0 if counts else 0.5)
    assert metrics["mismatch/max"] == pytest.approx(abs(change), rel=1e-5)


@pytest.mark.parametrize("who", ["trainer", "sampler"])
def test_a_token_without_a_score_is_dropped_and_does_not_look_like_agreement(who: str) -> None:
    scores, broken = np.full(4, -1, np.float32), np.array([-1, -1, -1, np.nan], np.float32)
    old, mu = (broken, scores) if who == "trainer" else (scores, broken)
    made, metrics = token_inputs([row(tokens=4, mu=mu)], [np.ones(4)], [old])
    assert made[0]["weight"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert (metrics["mismatch/max"], metrics["mismatch/dropped"]) == (FAR, 0.25)
    assert metrics["mismatch/k3"] == pytest.approx((FAR - 1) / 4)
    assert metrics["mismatch/ess"] == pytest.approx(0.75)


def test_a_batch_without_a_token_to_learn_from_is_refused() -> None:
    one = row(tokens=2)
    with pytest.raises(ArenaError, match=r"of 2 tokens none has a probability within .* give the operator"):
        token_inputs([one], [np.ones(2)], [np.full(2, -np.inf, np.float32)])
