"""Every algorithm learns: a tiny policy reaches the best answers through the trainer's own functions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from arena.errors import InputError
from arena.train.vlm.advantages import ALGORITHMS
from arena.train.vlm.config import LearnConfig
from tests.train.vlm.tiny import ANSWERS, TURNS, Tiny, bandit, learn, symbols

EVERY = sorted(ALGORITHMS.keys() - {"spo"})  # which learns from clues and votes alone: test_spo.py


@pytest.mark.parametrize("algorithm", EVERY)
def test_the_best_answer_of_a_bandit_is_found(algorithm: str) -> None:
    assert learn(bandit, Tiny(algorithm, 1), 20) > 0.95


@pytest.mark.parametrize("algorithm", EVERY)
def test_five_turns_that_are_paid_at_the_end_are_learnt(algorithm: str) -> None:
    assert learn(symbols, Tiny(algorithm, ANSWERS), 25) > 0.9 * TURNS


@pytest.mark.parametrize("filter", ["pos", "asym"])
def test_filtered_advantages_learn_too(filter: str) -> None:
    assert learn(symbols, Tiny("ppo", ANSWERS, filter=filter), 20) > 0.9 * TURNS


def test_shuffled_observations_destroy_learning() -> None:
    assert learn(partial(symbols, shuffle=True), Tiny("ppo", ANSWERS), 20) < 0.5 * TURNS


def test_at_learning_rate_zero_every_ratio_is_exactly_one() -> None:
    tiny = Tiny("ppo", ANSWERS, rate=0.0)
    steps = [step for _ in range(4) for step in tiny.update(symbols(tiny))]
    assert [(step["actor/ratio_error"], step["actor/ppo_kl"]) for step in steps] == [(0, 0)] * 4
    assert not tiny.logits.detach().any()


def test_trainer_and_sampler_agree_and_the_first_ratio_is_exactly_one() -> None:
    tiny = Tiny("reinforce++", ANSWERS)
    learn(symbols, tiny, 3)
    first, second = tiny.update(symbols(tiny))
    assert first["mismatch/max"] < 1e-6
    assert first["actor/ratio_error"] == 0
    assert second["actor/ratio_error"] > 0


def test_equal_seeds_learn_equal_bits() -> None:
    ends = []
    for _ in range(2):
        tiny = Tiny("ppo", ANSWERS, seed=3)
        learn(symbols, tiny, 6)
        ends.append(tiny.logits.detach().numpy().copy())
    assert np.array_equal(*ends)


def test_the_learning_rate_rises_and_then_falls_on_a_line_to_its_floor() -> None:
    how = LearnConfig(learning_rate=1.0, warmup=2, decay=4, floor=0.2)
    assert [how.rate(update) for update in range(9)] == pytest.approx([0.5, 1, 1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2])
    assert {LearnConfig(learning_rate=1.0).rate(update) for update in range(9)} == {1.0}


def test_a_floor_above_the_learning_rate_is_refused() -> None:
    with pytest.raises(InputError, match="floor=2"):
        LearnConfig(decay=4, floor=2).check()
