"""Advantages: each algorithm against what its formula says, written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import InputError
from arena.train.vlm.advantages import (
    ALGORITHMS,
    BASELINES,
    GROUPS,
    Inputs,
    bilevel_gae,
    critic_of,
    episodes,
    gae,
    targets,
    token_gae,
)
from arena.train.vlm.baselines import RoleBaselines
from arena.train.vlm.estimate import estimate, find, reshaped
from arena.train.vlm.rows import Row
from tests.train.vlm.batches import batches, episode, outcomes, small

OWN = Path(__file__).parents[3] / "docs" / "examples" / "own_training.py"


def inputs(rows: list[Row], seed: int = 0, **given: Any) -> Inputs:
    """Values of every kind, drawn."""
    chance = np.random.default_rng(seed)
    return Inputs(
        **{
            **dict(values=chance.normal(size=len(rows))),
            **dict(token_values=[chance.normal(size=len(row.response)) for row in rows], baselines=RoleBaselines()),
            **given,
        }
    )


def brute_force(rewards: Any, values: Any, end: float, gamma: float, lam: float) -> np.ndarray:
    """A_t as the sum of (gamma lam)^l delta_{t+l}, straight from the definition."""
    following = [*values[1:], end]
    deltas = [r + gamma * n - v for r, n, v in zip(rewards, following, values, strict=True)]
    return np.array([sum((gamma * lam) ** k * delta for k, delta in enumerate(deltas[t:])) for t in range(len(deltas))])


@given(batches(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_gae_is_the_sum_of_its_definition(rows: list[Row], gamma: float, lam: float) -> None:
    given = inputs(rows, gamma=gamma, lam=lam)
    made = gae(rows, given)
    for places in episodes(rows):
        end = given.values[places[-1]] if rows[places[-1]].truncated else 0.0  # type: ignore[index]
        rewards, values = [rows[at].reward for at in places], given.values[places]  # type: ignore[index]
        assert np.allclose(made[places], brute_force(rewards, values, end, gamma, lam))


def test_lambda_one_learns_the_monte_carlo_return() -> None:
    rows = episode([0, 0, 1.0, 0, 2.0])
    assert np.allclose(targets(rows, inputs(rows, gamma=0.5, lam=1.0)), [0.375, 0.75, 1.5, 1.0, 2.0])


def test_what_was_cut_counts_as_the_value_of_the_last_turn() -> None:
    rows = episode([1.0, 1.0], cut=True)
    given = inputs(rows, values=np.array([0.0, 8.0]), gamma=0.5, lam=1.0)
    assert np.allclose(targets(rows, given), [1 + 0.5 + 2, 1 + 4])
    given = inputs(rows, token_values=[np.zeros(2), np.array([8.0, 0.0])], gamma=0.5, lam=1.0, token_lam=1.0)
    for made in (token_gae(rows, given), bilevel_gae(rows, given)):
        assert made[0][0] == pytest.approx(1 + 0.5 + 2)


def test_where_the_last_turn_has_no_value_that_of_the_one_before_stands_for_what_was_cut() -> None:
    rows = episode([1.0, 1.0], cut=True, tokens=[1, 0])
    given = inputs(rows, values=np.array([8.0, np.nan]), gamma=0.5, lam=1.0)
    assert gae(rows, given)[0] == pytest.approx(1 + 0.5 + 2 - 8)
    given = inputs(rows, token_values=[np.array([8.0]), np.zeros(0)], gamma=0.5, lam=1.0)
    assert token_gae(rows, given)[0][0] == pytest.approx(1 + 0.5 + 2 - 8)


@pytest.mark.parametrize("name", ["grpo", "reinforce++", "rloo"])
def test_the_last_reward_of_an_episode_that_was_cut_counts_without_a_critic(name: str) -> None:
    """A race pays who won at its horizon in exactly that turn."""
    rows = [*episode([0.0, 1.0], 0, cut=True), *episode([0.0, -1.0], 1, cut=True)]
    made = [one[-1] for one in estimate(rows, Inputs(), name)]
    assert made[1] > 0 > made[3]


def test_the_rows_of_two_episodes_may_lie_in_any_order() -> None:
    one, two = episode([1.0, 2.0, 3.0], 0), episode([-1.0, 5.0, 0.0], 1, cut=True)
    mixed = [row for pair in zip(one, two, strict=True) for row in pair]
    given = inputs([*one, *two])
    order = [0, 3, 1, 4, 2, 5]
    shuffled = Inputs(values=given.values[order])  # type: ignore[index]
    assert np.array_equal(gae(mixed, shuffled), gae([*one, *two], given)[order])


def test_an_episode_that_does_not_end_is_refused() -> None:
    with pytest.raises(ValueError, match="episode 4, seat 0"):
        episodes(episode([1.0, 1.0], 4)[:1])


def test_ppo_divides_by_the_deviation_and_moves_nothing() -> None:
    rows = episode([4.0, 1.0, 3.0])
    given = inputs(rows)
    raw = gae(rows, given)
    assert np.allclose(ALGORITHMS["ppo"](rows, given), raw / raw.std())


def test_grpo_compares_the_episodes_of_a_group() -> None:
    rows = [*episode([1.0, 2.0], 0), *episode([1.0], 1), *episode([100.0], 2, group=7)]
    made = ALGORITHMS["grpo"](rows, Inputs())
    assert np.allclose(made, [1, 1, -1, 0])


def test_grpo_process_sums_what_is_left_of_standardised_rewards() -> None:
    rows = episode([1.0, 3.0])
    assert np.allclose(ALGORITHMS["grpo_process"](rows, Inputs()), [0, 1])


def test_reinforce_plus_plus_standardises_discounted_returns() -> None:
    rows = episode([0.0, 4.0])
    assert np.allclose(ALGORITHMS["reinforce++"](rows, Inputs(gamma=0.5)), [-1, 1])


def test_rloo_takes_the_others_as_baseline() -> None:
    rows = outcomes(3.0, 0.0, 6.0)
    assert np.allclose(ALGORITHMS["rloo"](rows, Inputs()), [0, -4.5, 4.5])


def test_seats_of_a_group_are_not_compared_with_each_other() -> None:
    rows = [*episode([1.0], 0), *episode([-1.0], 0, seat=1), *episode([3.0], 1), *episode([-3.0], 1, seat=1)]
    assert np.allclose(ALGORITHMS["rloo"](rows, Inputs()), [-2, 2, 2, -2])


def test_spiral_reads_for_a_whole_match_before_it_updates() -> None:
    rows = [*episode([1.0], 0), *episode([1.0], 0, seat=1), *episode([1.0], 1)]  # seats of one role
    baselines = RoleBaselines(0.5)
    made = ALGORITHMS["spiral"](rows, Inputs(baselines=baselines))
    assert np.allclose(made, [1, 1, 1 - 0.75])
    assert baselines.state() == {"toy": {"seat0": 0.875}}


def test_role_baselines_take_a_first_movers_edge_away() -> None:
    chance = np.random.default_rng(0)
    baselines = RoleBaselines()
    means: list[np.ndarray] = []
    for update in range(40):
        won = chance.random(64) < 0.8  # the first seat wins four of five, whatever is played
        rows = [
            row
            for number, first in enumerate(won)
            for seat in (0, 1)
            for row in episode([1.0 if first == (seat == 0) else -1.0], number, seat=seat, role=f"seat{seat}")
        ]
        made = np.asarray(ALGORITHMS["spiral"](rows, Inputs(baselines=baselines)))
        if update >= 5:
            means.append(np.array([made[0::2].mean(), made[1::2].mean()]))
    assert np.abs(np.mean(means, axis=0)).max() < 0.05
    assert abs(baselines.read("toy", "seat0") - 0.6) < 0.4


def test_a_token_without_reward_ends_a_turn_all_the_same() -> None:
    rows = episode([0.0, 0.0, 1.0], tokens=1)
    given = inputs(rows, token_values=[np.zeros(1)] * 3, gamma=0.5, lam=1.0)
    assert np.allclose(np.concatenate(bilevel_gae(rows, given)), [0.25, 0.5, 1.0])
    assert np.allclose(np.concatenate(token_gae(rows, given)), [0.25, 0.5, 1.0])


@given(st.lists(small, min_size=1, max_size=6), st.booleans(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_with_one_token_a_turn_tokens_and_turns_agree(
    rewards: list[float], cut: bool, gamma: float, lam: float
) -> None:
    rows = episode(rewards, cut=cut, tokens=1)
    drawn = inputs(rows, gamma=gamma, lam=lam)
    single = inputs(rows, gamma=gamma, lam=lam, token_values=[np.array([one]) for one in drawn.values])  # type: ignore[union-attr]
    turns = gae(rows, drawn)
    assert np.allclose(np.concatenate(token_gae(rows, single)), turns)
    assert np.allclose(np.concatenate(bilevel_gae(rows, single)), turns)


def test_bilevel_gives_every_token_its_turns_return_less_its_own_value() -> None:
    rows = episode([1.0, 2.0], tokens=3)
    given = inputs(rows, gamma=0.5, lam=1.0)
    returns = np.repeat([2.0, 2.0], 3)
    assert np.allclose(np.concatenate(bilevel_gae(rows, given)), returns - np.concatenate(given.token_values))  # type: ignore[arg-type]


def test_a_turn_without_tokens_hands_on_what_follows_it() -> None:
    rows = episode([1.0, 2.0, 3.0], tokens=[1, 0, 1])
    given = inputs(rows, token_values=[np.zeros(1), np.zeros(0), np.zeros(1)], gamma=0.5, lam=1.0)
    for made in (token_gae(rows, given), bilevel_gae(rows, given)):
        assert np.allclose(np.concatenate(made), [1 + 1 + 0.75, 3])


def test_algorithms_say_what_they_read() -> None:
    critics = {name: critic_of(function) for name, function in ALGORITHMS.items() if critic_of(function)}
    assert critics == {"ppo": "turns", "token_ppo": "tokens", "bilevel": "tokens"}
    assert ALGORITHMS.keys() > critics.keys() | GROUPS | BASELINES
    rows = outcomes(1.0, 2.0)
    for name in critics.keys() | BASELINES:
        with pytest.raises(InputError, match="needs Inputs"):
            ALGORITHMS[name](rows, Inputs())


# What holds of all of them -------------------------------------------------------------------------------------------


@given(batches(), st.sampled_from(sorted(ALGORITHMS)), st.sampled_from(["none", "pos", "asym"]))
@settings(max_examples=200, deadline=None)
def test_a_turn_that_was_not_parsed_never_gets_better(rows: list[Row], name: str, filter: Any) -> None:
    made = estimate(rows, inputs(rows), name, filter=filter)
    assert [len(one) for one in made] == [len(row.response) for row in rows]
    for row, one in zip(rows, made, strict=True):
        assert np.isfinite(one).all()
        assert row.parsed or (one <= 0).all()
        assert row.trainable or (one == 0).all()


def test_filters() -> None:
    rows = outcomes(-4.0, 2.0, 6.0)
    given = dict(inputs=Inputs(), algorithm=lambda rows, inputs: np.array([row.reward for row in rows]))

    def firsts(**how: Any) -> list[float]:
        return [one[0] for one in estimate(rows, **given, **how)]  # type: ignore[arg-type]

    assert firsts() == [-4, 2, 6]
    assert firsts(filter="pos") == [0, 1, 3]
    assert firsts(filter="asym", kappa=0.25) == [-1, 2, 6]
    assert firsts(limit=5.0) == [-4, 2, 5]


def test_a_users_own_algorithm_is_a_function_in_a_file() -> None:
    rows = [*episode([1.0, 0.0], 0), *episode([3.0], 1), *episode([8.0], 2)]
    assert [one[0] for one in estimate(rows, Inputs(), f"{OWN}:over_median")] == [-2, -2, 0, 5]


def test_a_users_own_algorithm_may_read_a_critic() -> None:
    rows, name = outcomes(1.0, 2.0, 3.0), f"{OWN}:best_half"
    assert critic_of(find(name)) == "turns"
    given = Inputs(values=np.array([3.0, 0.0, 2.0]))
    assert [one[0] for one in estimate(rows, given, name)] == [0, 2, 1]


def test_a_users_own_rewards_change_what_is_learnt() -> None:
    rows = episode([1.0, 1.0, 2.0])
    assert [row.reward for row in reshaped(rows, f"{OWN}:hurry")] == [0.99, 0.99, 1.99]
    with pytest.raises(InputError, match="returned 1 numbers that are not finite"):
        reshaped(rows, lambda rows: np.array([0.0, np.nan, 0.0]))
    with pytest.raises(InputError, match="'hurry' names no function"):
        reshaped(rows, "hurry")


@pytest.mark.parametrize("returned", ["[0.0]", "np.zeros((2, 1))", "[np.zeros(1), np.zeros(2)]"])
def test_advantages_of_another_shape_are_refused(tmp_path: Path, returned: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"import numpy as np\ndef wrong(rows, inputs):\n    return {returned}\n")
    with pytest.raises(InputError, match="expected 2 numbers, one a row, or a list with an array for each row"):
        estimate(outcomes(1.0, 2.0), Inputs(), f"{file}:wrong")


def test_a_list_of_numbers_is_one_a_row(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def listed(rows, inputs):\n    return [row.reward for row in rows]\n")
    assert [one[0] for one in estimate(outcomes(1.0, 2.0), Inputs(), f"{file}:listed")] == [1, 2]


NO_NUMBERS = [
    ("(row.reward for row in rows)", "generator"),
    ("{row.episode: row.reward for row in rows}", "dict"),
    ("'much'", "str"),
    ("['1', '2']", "(list|str)"),
    ("[[1.0, 2.0], [3.0, [1.0]]]", "list"),
    ("None", "NoneType"),
    ("__import__('torch').ones(len(rows), requires_grad=True)", "Tensor"),
]


@pytest.mark.parametrize(("returned", "said"), NO_NUMBERS, ids=[one for one, _ in NO_NUMBERS])
def test_what_is_no_number_is_refused_by_its_type(tmp_path: Path, returned: str, said: str) -> None:
    file, rows = tmp_path / "mine.py", outcomes(1.0, 2.0)
    file.write_text(f"def advantage(rows, inputs):\n    return {returned}\ndef reward(rows):\n    return {returned}\n")
    with pytest.raises(InputError, match=f"mine.py:advantage' returned {said}"):
        estimate(rows, Inputs(), f"{file}:advantage")
    with pytest.raises(InputError, match=f"mine.py:reward' returned {said}"):
        reshaped(rows, f"{file}:reward")


def test_a_coroutine_is_no_reward(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("async def reward(rows):\n    return [0.0]\n")
    with pytest.raises(InputError, match=r"mine\.py:reward is asynchronous"):
        reshaped(outcomes(1.0), f"{tmp_path}/mine.py:reward")


def test_an_advantage_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="1 numbers that are not finite"):
        estimate(outcomes(1.0, 2.0), Inputs(), lambda rows, inputs: np.array([np.inf, 0.0]), limit=1.0)


def test_an_unknown_algorithm_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"rein.*Did you mean reinforce\+\+"):
        estimate(outcomes(1.0), Inputs(), "reinforce")
