"""Seeds of the exported environments: what is not a seed is refused in words, NumPy's integers are seeds."""

from __future__ import annotations

import numpy as np
import pytest

import arena
from arena.errors import InputError


def begun(environment, seed):
    environment.reset(seed=seed)
    return environment


@pytest.mark.parametrize("make", [arena.to_gymnasium, arena.to_pettingzoo])
def test_a_seed_that_is_none_is_refused(make):
    environment = make("kuhn")
    for seed in (-1, 2**63):
        with pytest.raises(InputError, match=f"seed {seed}: expected a whole number from 0 to"):
            environment.reset(seed=seed)


def test_an_integer_of_numpy_is_the_seed_that_it_says():
    first, second = (begun(arena.to_pettingzoo("kuhn"), seed) for seed in (5, np.int64(5)))
    agent = first.agent_selection
    assert np.array_equal(first.observe(agent)["observation"], second.observe(agent)["observation"])
    one, other = (arena.to_gymnasium("kuhn").reset(seed=seed)[0] for seed in (5, np.int64(5)))
    assert np.array_equal(one, other)
