"""Lanes of Gymnasium environments: apart, from one start, each to its own end."""

from __future__ import annotations

import numpy as np
import pytest

from arena.game import Move, Views, moves_of
from arena.testing.playing import hashes, seed
from arena_games.adapters import gym
from tests.games.adapters import toys

VECTOR = Views(vector=True)


def cartpole(seats):
    game = gym.make("CartPole-v1")(seats)
    game.reset(seed(0))
    return game


def test_all_lanes_start_alike():
    first, second = hashes(cartpole(2), VECTOR)
    assert first == second


def test_a_lane_goes_as_if_it_were_alone():
    alone, shared = cartpole(1), cartpole(2)
    for _ in range(5):
        alone.step({0: Move(1)})
        shared.step({0: Move(0), 1: Move(1)})
    assert hashes(alone, VECTOR)[0] == hashes(shared, VECTOR)[1]


def test_a_lane_that_is_over_waits_and_gets_nothing_more():
    game, total = cartpole(2), 0.0
    result = game.step({0: Move(1), 1: Move(0)})
    while 0 in result.due:
        total += result.rewards[0]
        result = game.step({0: Move(1), 1: Move(int(game.lanes[1].given[2] > 0))})  # lane 1 balances
    assert result.ended == "none"
    assert result.due == (1,)
    assert game.seats_out() == (0,)
    assert game.step({1: Move(0)}).rewards[0] == 0


def test_the_match_is_over_when_all_lanes_are():
    game = cartpole(2)
    result = game.step({0: Move(1), 1: Move(1)})
    while result.ended == "none":
        result = game.step(moves_of(dict.fromkeys(result.due, 1)))
    assert (result.ended, result.returns) == ("terminated", (result.returns[0],) * 2)


def test_a_fault_costs_only_its_own_lane():
    game = gym.make("FrozenLake-v1")(2)
    game.reset(seed(0))
    assert game.spec.on_fault == "default"
    assert game.default_action(0) == game.legal(0)[0]


def test_a_mask_in_the_infos_is_kept_to():
    game = gym.make("Taxi-v4")(1)
    game.reset(seed(0))
    assert game.legal(0) == tuple(np.flatnonzero(game.lanes[0].info["action_mask"]))
    assert len(game.legal(0)) < 6


def test_an_observation_that_is_a_picture_is_the_image_view():
    game = gym.make(f"{toys.__name__}:arena-tests/Pixels-v0")(1)
    game.reset(seed(0))
    before = game.observe(0, Views(image=(128, 128))).image.copy()
    assert game.spec.vector_shape is None
    game.step({0: Move(1)})
    assert (game.observe(0, Views(image=(128, 128))).image != before).any()


def test_a_picture_that_shows_more_than_the_observation_is_not_given():
    assert gym.make("Blackjack-v1").spec.image_sizes == ()


def test_text_says_what_the_numbers_are():
    assert "pole angle = " in cartpole(1).observe(0, Views(text=True)).text


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("CartPol-v1", "Did you mean CartPole-v1"),
        ("CartPole-v9", "Did you mean CartPole-v1"),
        ("Pendulum-v1", "one of a list"),
        ("FrozenLake-v1(map_nam=8x8)", "map_nam"),
        ("FrozenLake-v1(map_name=nope)", "KeyError"),
        ("CartPole-v1(render_mode=human)", "set by the arena"),
        ("no_such_package:Thing-v0", "cannot be imported"),
    ],
)
def test_what_cannot_be_made_says_why(what, why):
    with pytest.raises(ValueError, match=why):
        gym.make(what)
