"""What docs/exports.md says of rewards and of games with a runtime."""

from __future__ import annotations

import numpy as np
import pytest

import arena
from arena.errors import InputError
from arena.export import views


@pytest.mark.parametrize(("name", "divided"), [("kuhn", 1), ("leduc", 1), ("holdem", 4)])
def test_rewards_lead_to_the_return(name, divided):
    """Of every agent: their sum, in hold'em over the hands of the session."""
    environment = arena.to_pettingzoo(name, options={"hands": 4})
    chance = np.random.default_rng(1)
    for seed in range(5):
        environment.reset(seed=seed)
        sums, returns = dict.fromkeys(environment.possible_agents, 0.0), {}
        for agent in environment.agent_iter():
            seen, reward, terminated, truncated, info = environment.last()
            sums[agent] += reward
            returns[agent] = info.get("returns")
            over = terminated or truncated
            environment.step(None if over else int(chance.choice(np.flatnonzero(seen["action_mask"]))))
        assert returns == pytest.approx({agent: total / divided for agent, total in sums.items()})


@pytest.mark.parametrize("make", [arena.to_gymnasium, arena.to_pettingzoo])
def test_a_game_whose_runtime_does_not_fit_here_is_refused_with_the_command(make, monkeypatch):
    monkeypatch.setattr(views.home, "fits_here", lambda runtime: False)
    with pytest.raises(InputError, match=r"mario:1-1 needs its runtime 'mario'.* env create mario"):
        make("mario")
