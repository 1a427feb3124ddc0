"""What docs/exports.md says of rewards and of games with a runtime."""

from __future__ import annotations

import numpy as np
import pytest

import arena
from arena.errors import InputError
from arena.export import views
from arena.plugins import game_class
from tests.export.test_zoo import GAMES

SEVERAL = {"kuhn": {"hands": 4}, "leduc": {"hands": 4}, "holdem": {"hands": 4}}  # rewards come between, too
ALL = [
    *(game for game in GAMES if "chess" not in game),  # long, and paid at its end alone
    *("race", "sidescroller", "gymnasium:CartPole-v1", "gymnasium:MountainCar-v0"),
]
EPISODES = 3


def _table(game):
    name, _, seats = game.partition("@")
    return name, int(seats or max(2, game_class(name).spec.seats[0])), SEVERAL.get(name)


@pytest.mark.parametrize("game", ALL)
def test_rewards_of_every_agent_add_up_to_its_return(game):
    name, seats, options = _table(game)
    environment = arena.to_pettingzoo(name, seats, options=options)
    chance = np.random.default_rng(1)
    for seed in range(EPISODES):
        environment.reset(seed=seed)
        sums, returns = dict.fromkeys(environment.possible_agents, 0.0), {}
        for agent in environment.agent_iter():
            seen, reward, terminated, truncated, info = environment.last()
            sums[agent] += reward
            returns[agent] = info.get("returns")
            over = terminated or truncated
            environment.step(None if over else int(chance.choice(np.flatnonzero(seen["action_mask"]))))
        assert returns == pytest.approx(sums, abs=1e-6)


@pytest.mark.parametrize("game", ALL)
def test_rewards_of_all_agents_at_once_add_up_to_their_returns(game):
    name, seats, options = _table(game)
    environment = arena.to_pettingzoo(name, seats, options=options, parallel=True)
    chance = np.random.default_rng(1)
    for seed in range(EPISODES):
        seen, infos = environment.reset(seed=seed)
        sums = dict.fromkeys(environment.possible_agents, 0.0)
        while environment.agents:
            masks = {agent: np.flatnonzero(seen[agent]["action_mask"]) for agent in environment.agents}
            seen, rewards, _, _, infos = environment.step(
                {agent: int(chance.choice(legal)) if len(legal) else 0 for agent, legal in masks.items()}
            )
            sums = {agent: total + rewards[agent] for agent, total in sums.items()}
        assert {agent: info["returns"] for agent, info in infos.items()} == pytest.approx(sums, abs=1e-6)


@pytest.mark.parametrize("game", ALL)
def test_rewards_of_the_learner_add_up_to_its_return(game):
    """What it gets before its first decision, between two, and after its last."""
    name, seats, options = _table(game)
    environment = arena.to_gymnasium(name, seats, options=options)
    chance = np.random.default_rng(1)
    for seed in range(2 * EPISODES):
        total, over = 0.0, False
        _, info = environment.reset(seed=seed)
        while not over:
            _, reward, terminated, truncated, info = environment.step(
                int(chance.choice(np.flatnonzero(info["action_mask"])))
            )
            total, over = total + reward, terminated or truncated
        assert total == pytest.approx(info["returns"][info["seat"]], abs=1e-6)


def test_what_was_gained_before_the_first_decision_is_in_the_first_reward():
    """Both others fold the first hand to the big blind, which is asked in the second."""
    environment = arena.to_gymnasium("holdem", 3, options={"hands": 6}, seat=1, opponents=lambda *_: 0)
    environment.reset(seed=1)
    assert environment.step(1)[1] == pytest.approx(0.5 / 6)


@pytest.mark.parametrize("make", [arena.to_gymnasium, arena.to_pettingzoo])
def test_a_game_whose_runtime_does_not_fit_here_is_refused_with_the_command(make, monkeypatch):
    monkeypatch.setattr(views.home, "fits_here", lambda runtime: False)
    with pytest.raises(InputError, match=r"mario:1-1 needs its runtime 'mario'.* env create mario"):
        make("mario")
