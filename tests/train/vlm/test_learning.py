"""Every algorithm learns: a tiny policy reaches the best answers through the trainer's own functions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from arena.errors import InputError
from arena.train.vlm import ready
from arena.train.vlm.advantages import ALGORITHMS
from arena.train.vlm.baselines import RoleBaselines
from arena.train.vlm.config import LearnConfig, VlmConfig
from arena.train.vlm.critic_config import CriticConfig
from arena.train.vlm.learning import Learner
from arena.train.vlm.matches import RolloutConfig
from tests.train.vlm.batches import episode
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


OWN = """
from arena.train.vlm import advantages


{says}
def mine(rows, inputs):
    return advantages.{reads}(rows, inputs)
"""


def learner(tmp_path: Path, says: str, reads: str) -> Learner:
    """Of an advantage in a file. Its critic learns alone in the first update: the engine is asked for states only."""
    (tmp_path / "own.py").write_text(OWN.format(says=says, reads=reads))
    config = VlmConfig(
        rollout=RolloutConfig(levels=("leduc",)),
        learn=LearnConfig(algorithm=f"{tmp_path}/own.py:mine"),
        critic=CriticConfig(inputs=("facts",), hidden=8),
    )

    def states(data: Any, loss: None, how: Any) -> Any:
        counts = [1 if how["states"] == "prompt" else len(one.response) for one in data]
        return SimpleNamespace(states=[np.ones((count, 4), np.float32) for count in counts])

    return Learner(config, SimpleNamespace(forward_backward=states), RoleBaselines())  # type: ignore[arg-type]


@pytest.mark.parametrize(("of", "reads", "seen"), [("turns", "gae", ("facts",)), ("tokens", "token_gae", ("hidden",))])
def test_an_advantage_of_ones_own_that_says_so_gets_a_critic(of: str, reads: str, seen: Any, tmp_path: Path) -> None:
    made = learner(tmp_path, f"@advantages.needs_critic({of!r})", reads)
    rows = episode([0.0, 1.0], state={"pit": 2})
    metrics = made.learn(0, rows, {})
    assert metrics["actor/warming"] == 1
    assert "critic/vf_loss" in metrics
    assert made.critic is not None
    assert made.critic.config.inputs == seen
    assert any(one.any() for one in made.judged)


@pytest.mark.parametrize(("lam", "decays"), [(1.0, 0.95), (0.5, 0.95 * 0.5)])
def test_in_its_warm_up_a_critic_learns_returns_of_their_own_lambda(lam: float, decays: float, tmp_path: Path) -> None:
    made = learner(tmp_path, "@advantages.needs_critic('turns')", "gae")
    made.config = replace(made.config, critic=replace(made.config.critic, warmup_lam=lam))
    made.learn(0, episode([0.0] * 9 + [1.0], state={"pit": 2}), {})
    assert made.critic is not None
    *_, shift, _, _ = made.critic.state()[
        "numbers"
    ].tolist()  # its values were 0, so this is the mean of what it learnt
    assert shift == pytest.approx(np.mean([decays**at for at in range(10)]))


@pytest.mark.parametrize(("of", "reads"), [("turns", "gae"), ("tokens", "token_gae")])
def test_an_advantage_that_needs_a_critic_and_does_not_say_so_is_told_how(of: str, reads: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf'@needs_critic\("{of}"\)'):
        learner(tmp_path, "", reads).learn(0, episode([0.0, 1.0]), {})


def test_an_unknown_critic_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    made = learner(tmp_path, "@advantages.needs_critic('turn')", "gae")
    with pytest.raises(InputError, match=r"turn.*expected turns or tokens"):
        ready.check_algorithm(made.config)
