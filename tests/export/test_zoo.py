"""The PettingZoo export: PettingZoo's own suites, and that a match there is a match here."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

pytest.importorskip("pettingzoo")
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

import arena
from arena.canonical import generator, key
from arena.errors import InputError, UnplayableError
from arena.game import Move
from arena.plugins import game_class
from tests.train.toy import Toy

SPIEL = (
    "tic_tac_toe connect_four breakthrough go(board_size=5) hanabi liars_dice goofspiel gin_rummy oh_hell@3 backgammon"
)
GAMES = [
    *("kuhn", "leduc", "connect_four", "holdem@3"),
    *("pettingzoo:chess_v6", "pettingzoo:tictactoe_v3", "pettingzoo:hanabi_v5"),
    *(f"openspiel:{name}" for name in SPIEL.split()),
]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def make(name: str, **how):
    game, _, seats = name.partition("@")
    return arena.to_pettingzoo(game, int(seats) if seats else None, **how)


@pytest.mark.parametrize("game", GAMES)
def test_it_passes_pettingzoos_api_test(game):
    with contextlib.redirect_stdout(io.StringIO()):
        api_test(make(game, render_mode="rgb_array"), num_cycles=100)


@pytest.mark.parametrize("game", GAMES)
def test_it_passes_pettingzoos_parallel_api_test(game):
    with contextlib.redirect_stdout(io.StringIO()):
        parallel_api_test(make(game, parallel=True), num_cycles=100)


@pytest.mark.parametrize("game", GAMES)
def test_it_passes_pettingzoos_seed_tests(game):
    with contextlib.redirect_stdout(io.StringIO()):
        seed_test(lambda: make(game), num_cycles=50)
        parallel_seed_test(lambda: make(game, parallel=True), num_cycles=50)


def test_pictures_are_observations_too():
    with contextlib.redirect_stdout(io.StringIO()):
        api_test(make("kuhn", view="image", image_size=(128, 128)), num_cycles=20)


def test_an_aec_episode_is_the_match_of_its_seed():
    env = make("leduc")
    env.reset(seed=3)
    game = game_class("leduc")(2)
    result = game.reset(generator(key("pettingzoo", 3)).bytes(16))
    total = np.zeros(2)
    for agent in env.agent_iter():
        observation, _, over, cut, info = env.last()
        if over or cut:
            assert info["returns"] == result.returns[int(agent[-1])]
            env.step(None)
            continue
        assert agent == f"seat_{result.due[0]}"
        action = int(np.flatnonzero(observation["action_mask"])[-1])
        env.step(action)
        result = game.step({result.due[0]: Move(action)})
        total += [env.rewards[name] for name in env.possible_agents]
    assert result.returns == pytest.approx(total.tolist())


def test_an_illegal_action_costs_what_it_costs_in_a_match():
    forfeits, lenient = arena.to_pettingzoo(Toy), make("kuhn")
    for env in (forfeits, lenient):
        env.reset(seed=0)
    forfeits.step(0)
    forfeits.step(0)
    masked = int(np.flatnonzero(forfeits.observe("seat_0")["action_mask"] == 0)[0])
    forfeits.step(masked)
    assert forfeits.infos["seat_0"]["fault"] == "illegal"
    assert all(forfeits.terminations.values())
    with pytest.raises(ValueError, match="seat_0 is due"):
        lenient.step(None)


def test_without_a_seed_the_next_match_is_another_one():
    env = make("holdem")
    env.reset(seed=1)
    first = env.observe("seat_0")["observation"].tolist()
    env.reset()
    assert env.observe("seat_0")["observation"].tolist() != first


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(InputError, match="kuhn takes 2 to"):
        arena.to_pettingzoo("kuhn", 99)
    with pytest.raises(InputError, match="say for how many seats"):
        arena.to_pettingzoo(lambda seats: Toy(seats))
    with pytest.raises(UnplayableError, match="draws at"):
        arena.to_pettingzoo("kuhn", view="image", image_size=(1, 1))
