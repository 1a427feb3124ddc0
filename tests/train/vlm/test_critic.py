"""The critic: it learns from each thing that it can see, and goes on bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import torch as safetensors

from arena.errors import ArenaError, CheckpointError, InputError
from arena.train.vlm.advantages import Inputs, gae
from arena.train.vlm.critic import Critic, explained_variance
from arena.train.vlm.critic_config import CriticConfig
from arena.train.vlm.rows import Row
from arena.train.vlm.seen import FACTS, Seen, facts, seen
from tests.train.vlm.batches import episode, row

SMALL = CriticConfig(hidden=32, channels=4, batch=32, epochs=4, learning_rate=3e-3)
STACK = (40, 40, 2)


def turns(count: int, seed: int = 0) -> tuple[list[Row], dict[str, Any], np.ndarray]:
    """Rows that all show one number in 0..3, each in its own way; the pictures and hidden states; returns of it."""
    numbers = np.random.default_rng(seed).integers(0, 4, count)
    images: dict[str, Any] = {}
    rows = []
    for one in numbers.tolist():
        images[str(one)] = picture = np.zeros((40, 48, 3), np.uint8)
        picture[:, 12 * one : 12 * one + 12] = 255
        stack = np.zeros(STACK, np.float32)
        stack[10 * one : 10 * one + 10] = 1
        rows.append(row(images=("old", str(one)), vector=stack.ravel(), state={"wall": str(one), "kind": "none"}))
    hidden = [np.eye(4, dtype=np.float32)[one] * 100 for one in numbers]
    return rows, {"images": images, "hidden": hidden, "vector_shape": STACK}, 50.0 + 10 * numbers


def made(inputs: tuple[str, ...], shown: Seen, **config: Any) -> Critic:
    return Critic(replace(SMALL, inputs=inputs, **config), shown.shapes())


@pytest.mark.parametrize(
    "inputs", [("picture",), ("vector",), ("facts",), ("hidden",), ("picture", "vector", "facts", "hidden")]
)
def test_it_learns_from_what_it_sees(inputs: tuple[str, ...]) -> None:
    rows, given, returns = turns(96)
    shown = seen(rows, inputs, **given)
    critic = made(inputs, shown)
    first = critic.update(shown, returns)
    for _ in range(7):
        last = critic.update(shown, returns)
    assert first["critic/explained_var"] == 0
    assert last["critic/explained_var"] > 0.9
    assert np.abs(critic.values(shown) - returns).mean() < 5


def test_numbers_are_a_vector_view_too() -> None:
    rows = [row(vector=np.array([one, 1], np.float32)) for one in range(4)]
    assert seen(rows, ("vector",), vector_shape=(2,)).shapes() == {"vector": (2,)}


@pytest.mark.parametrize("shape", [(32, 24, 3), (240, 256, 3), (144, 160, 3)])
def test_pictures_of_any_size_are_seen(shape: tuple[int, ...]) -> None:
    images = {"a": np.full(shape, 7, np.uint8)}
    shown = seen([row(images=("a",))], ("picture",), images=images)
    assert made(("picture",), shown).values(shown).tolist() == [0.0]


def test_equal_seeds_give_equal_bits_and_touch_no_global_generator() -> None:
    rows, given, returns = turns(40)
    shown = seen(rows, ("picture", "facts"), **given)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    values = []
    for _ in range(2):
        critic = made(("picture", "facts"), shown)
        critic.update(shown, returns)
        values.append(critic.values(shown))
    assert np.array_equal(*values)
    assert torch.equal(torch.get_rng_state(), before)


def test_three_updates_and_three_more_after_a_restart_are_six_bit_for_bit() -> None:
    rows, given, returns = turns(40)
    shown = seen(rows, ("vector",), **given)
    whole, first = made(("vector",), shown), made(("vector",), shown)
    for _ in range(6):
        whole.update(shown, returns)
    for _ in range(3):
        first.update(shown, returns)
    second = made(("vector",), shown)
    second.load(safetensors.load(safetensors.save(first.state())))  # as a checkpoint keeps it
    for _ in range(3):
        second.update(shown, returns)
    assert second.updates == 6
    assert whole.state().keys() == second.state().keys()
    assert all(torch.equal(one, second.state()[name]) for name, one in whole.state().items())


def test_values_stay_when_the_scale_of_returns_changes() -> None:
    rows, given, returns = turns(40)
    shown = seen(rows, ("facts",), **given)
    critic = made(("facts",), shown)
    for _ in range(4):
        critic.update(shown, returns)
    before = critic.values(shown)
    critic._rescale(returns * 100)
    assert np.allclose(critic.values(shown), before, rtol=1e-3)


def test_the_policy_waits_for_the_first_updates() -> None:
    rows, given, returns = turns(8)
    shown = seen(rows, ("facts",), **given)
    critic = made(("facts",), shown, warmup=2)
    waits = []
    for _ in range(3):
        waits.append(critic.warming)
        critic.update(shown, returns)
    assert waits == [True, True, False]


def test_a_turn_that_cannot_be_seen_hands_on_what_follows_it() -> None:
    rows = episode([1.0, 2.0, 4.0], state=[{"a": "1"}, None, {"a": "2"}])
    shown = seen(rows, ("facts",))
    critic = made(("facts",), shown)
    critic.update(shown, np.array([7.0, np.nan, 4.0]))
    values = critic.values(shown)
    assert np.isnan(values).tolist() == [False, True, False]
    advantages = gae(rows, Inputs(values=values, gamma=1.0, lam=0.0))
    assert advantages[0] == pytest.approx(1 + (2 + values[2]) - values[0])
    assert advantages[1] == 0


def test_facts_are_numbers_and_words() -> None:
    none, near, far = (facts({"wall": one}) for one in ("none", "3", "300"))
    assert none.shape == (FACTS,)
    assert (none.sum(), np.count_nonzero(near), np.count_nonzero(far)) == (1, 2, 1)
    assert far.sum() == pytest.approx(np.log1p(300))
    assert np.isfinite(facts({"x": "nan", "y": "inf"})).all()


def test_what_it_cannot_see_is_said() -> None:
    with pytest.raises(InputError, match=r"looks at 'picture', but no turn has it: set critic\.inputs"):
        seen([row()], ("picture",)).shapes()
    with pytest.raises(InputError, match="cannot look at 'sound'"):
        Critic(replace(SMALL, inputs=("sound",)), {})
    with pytest.raises(ArenaError, match="none of 1 turns"):
        Critic(replace(SMALL, inputs=("facts",)), {"facts": (FACTS,)}).update(seen([row()], ("facts",)), np.ones(1))


def test_numbers_that_are_not_finite_stop_it() -> None:
    shown = seen([row(state={"a": "1"})], ("facts",))
    with pytest.raises(ArenaError, match=r"1 returns for the critic are not finite: look at .*learn\.reward"):
        made(("facts",), shown).update(shown, np.array([np.inf]))


def test_a_critic_that_diverged_says_which_setting_to_lower() -> None:
    shown = seen([row(state={"a": "1"})], ("facts",))
    one = made(("facts",), shown, learning_rate=0.5)
    one.load(
        {name: torch.full_like(value, torch.nan) for name, value in one.state().items() if name != "numbers"}
        | {"numbers": one.state()["numbers"]}
    )
    with pytest.raises(ArenaError, match=r"not finite: lower critic\.learning_rate \(now 0\.5\)"):
        one.values(shown)


def test_the_state_of_another_critic_is_refused() -> None:
    shown = seen([row(state={"a": "1"})], ("facts",))
    with pytest.raises(CheckpointError, match=r"of another critic: .*looks at facts with 32"):
        made(("facts",), shown).load(made(("facts",), shown, hidden=8).state())


def test_explained_variance() -> None:
    returns = np.array([1.0, 2.0, 3.0])
    assert explained_variance(returns, returns + 5) == 1
    assert explained_variance(returns, np.zeros(3)) == 0
    assert explained_variance(np.ones(3), np.zeros(3)) == 0
