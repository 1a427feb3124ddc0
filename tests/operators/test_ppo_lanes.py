"""Policies that see pictures at the table: from their folder and as SB3's zip, on their game and on its family."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")
import gymnasium
import msgspec
from stable_baselines3 import PPO

from arena.canonical import key
from arena.errors import UnplayableError
from arena.game import Move, Views
from arena.operator import OpenSeat, Request
from arena.train.config import config_for
from arena.train.ppo import main
from arena_operators.ppo.kind import KIND, made_for, read_card
from tests.games.lane_toy import ToyLanes
from tests.operators.seats import PLAIN, answers, groupings, operator


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run that has not learned anything."""
    out = tmp_path_factory.mktemp("lanes")
    small = {"envs": 2, "rollout": 16, "batch": 32, "channels": 4, "hidden": 16}
    main(config_for(ToyLanes.spec, game="toy_lanes", out=str(out), steps=32, progress=False, **small), ToyLanes)
    return out


@pytest.fixture(scope="module")
def zipped(tmp_path_factory):
    """A model of pictures that Stable-Baselines3 saved: it has not learned anything."""

    class Pictures(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
        action_space = gymnasium.spaces.Discrete(ToyLanes.spec.actions.n)

    path = tmp_path_factory.mktemp("zip") / "mine.zip"
    PPO("CnnPolicy", Pictures(), n_steps=2, seed=1, device="cpu", policy_kwargs={"net_arch": []}).save(path)
    return path


def _turns(count):
    """Seats, and one request of each, at different places of the level."""
    seats, requests = [], []
    for number in range(count):
        game = ToyLanes(1)
        game.reset(bytes(16))
        for _ in range(number):
            game.step({0: Move(number % 4)})
        seen = game.observe(0, Views(vector=True))
        card, views = game.card(), Views(vector=True)
        seats.append(OpenSeat(match=number, seat=0, operator="x", card=card, views=views, seed=key("seat", number)))
        requests.append(Request(id=number, match=number, seat=0, tick=number, observation=seen))
    return seats, requests


@pytest.mark.parametrize("own", [True, False], ids=["folder", "zip"])
def test_it_sits_down_and_batching_changes_no_decision(folder, zipped, own):
    what, options = (str(folder), PLAIN) if own else (str(zipped), {**PLAIN, "trust": True})
    assert KIND.views(ToyLanes.spec, what, KIND.resolve_options(None, what, options)) == Views(vector=True)
    seats, requests = _turns(9)
    whole, singles, sevens = (answers(operator(what, **options), seats, groups) for groups in groupings(requests))
    assert whole == singles == sevens


def test_a_policy_of_pictures_plays_its_family_and_no_other_game(folder):
    card = read_card(folder / "policy.safetensors")
    of_stage = msgspec.structs.replace(card, game="family:1-1")
    assert made_for(of_stage, "family:1-2")
    assert not made_for(of_stage, "relative:1-1")
    numbers = msgspec.structs.replace(of_stage, convolutions=())
    assert made_for(numbers, "family:1-1")
    assert not made_for(numbers, "family:1-2")


def test_another_action_set_is_refused(folder):
    with pytest.raises(UnplayableError, match="right run jump"):
        KIND.views(ToyLanes(1, {"actions": "buttons"}).spec, str(folder), PLAIN)
