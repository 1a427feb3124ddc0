"""The Gymnasium export: its API, its seeds, its faults, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("gymnasium")
from gymnasium.utils.env_checker import check_env

import arena
from arena.errors import InputError, UnplayableError
from tests.export.test_zoo import GAMES
from tests.train.toy import Toy


def _play(env, seed, steps=30):
    out = []
    observation, info = env.reset(seed=seed)
    for _ in range(steps):
        action = int(np.flatnonzero(env.action_masks())[-1])
        observation, reward, over, cut, info = env.step(action)
        out.append((observation.tolist(), reward, over, info["seat"]))
        if over or cut:
            observation, info = env.reset()
    return out


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("view", ["vector", "image"])
def test_it_passes_gymnasiums_checker(view):
    check_env(arena.to_gymnasium(Toy, 3, view=view, render_mode="rgb_array"))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("game", GAMES)
def test_every_game_passes_gymnasiums_checker(game):
    name, _, seats = game.partition("@")
    check_env(arena.to_gymnasium(name, int(seats or 2)), skip_render_check=True)


def test_one_seed_gives_one_story():
    assert _play(arena.to_gymnasium(Toy), 5) == _play(arena.to_gymnasium(Toy), 5)
    assert _play(arena.to_gymnasium(Toy), 5) != _play(arena.to_gymnasium(Toy), 6)


def test_the_constructors_seed_is_that_of_the_first_reset():
    assert _play(arena.to_gymnasium(Toy, seed=5), None) == _play(arena.to_gymnasium(Toy), 5)


def test_the_seat_rotates_unless_it_is_given():
    seats = {step[3] for step in _play(arena.to_gymnasium(Toy, 3), 1)}
    assert seats == {0, 1, 2}
    assert {step[3] for step in _play(arena.to_gymnasium(Toy, 3, seat=1), 1)} == {1}


def test_info_has_the_mask():
    env = arena.to_gymnasium(Toy, seat=0)
    _, info = env.reset(seed=0)
    assert info["action_mask"].tolist() == [1, 1, 1]
    _, _, _, _, info = env.step(0)
    assert info["action_mask"].tolist() == env.action_masks().tolist() == [1, 1, 0]


def test_rewards_of_an_episode_sum_to_the_return():
    env = arena.to_gymnasium(Toy, seat=0, opponents="scripted")
    env.reset(seed=3)
    _, first, _, _, _ = env.step(1)
    _, second, over, _, info = env.step(1)
    assert over
    assert first + second == pytest.approx(info["returns"][0])


def test_an_illegal_action_is_a_fault_and_forfeits():
    env = arena.to_gymnasium(Toy, seat=0)
    env.reset(seed=3)
    env.step(0)
    _, reward, over, _, info = env.step(2)
    assert over
    assert reward == -2.0
    assert info["fault"] == "illegal"


def test_opponents_are_asked_in_seat_order_after_the_learner():
    asked = []

    def spy(name):
        def play(observation, card, chance):
            asked.append(name)
            return observation.legal[0]

        return play

    env = arena.to_gymnasium(Toy, 3, seat=1, opponents=[spy("after"), spy("before")])
    env.reset(seed=0)
    env.step(0)
    assert asked == ["before", "after", "before"]


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="2 opponents"):
        arena.to_gymnasium(Toy, 3, opponents=["random"])
    with pytest.raises(InputError, match="random"):
        arena.to_gymnasium(Toy, opponents="randm")
    with pytest.raises(InputError, match="seats 0 to 1"):
        arena.to_gymnasium(Toy, seat=2)
    with pytest.raises(UnplayableError, match=r"36, 36"):
        arena.to_gymnasium(Toy, view="image", image_size=(10, 10))


def test_importing_arena_imports_no_gymnasium():
    code = "import arena, sys; assert 'gymnasium' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["kuhn", "leduc", "connect_four", "holdem"])
def test_the_arenas_games_pass_gymnasiums_checker(name):
    check_env(arena.to_gymnasium(name, opponents="scripted"), skip_render_check=True)
