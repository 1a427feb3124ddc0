"""`ppo:FILE.zip`: foreign SB3 models are detected, fed, remembered, and refused where they do not fit."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

pytest.importorskip("sb3_contrib")
import gymnasium
from sb3_contrib import QRDQN, MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import arena
from arena.errors import CheckpointError, InputError, UnplayableError
from arena.game import Discrete, Views
from arena.operator import Outcome, Request
from arena_operators.ppo.kind import KIND
from arena_operators.ppo.sb3_zip import read_zip
from tests.operators.seats import PLAIN, SEEN, TRUSTED, answers, groupings, operator, turns
from tests.train.toy import Toy

SMALL = {"policy_kwargs": {"net_arch": [8]}, "device": "cpu", "seed": 1}
MODELS = {
    "PPO": lambda env: PPO("MlpPolicy", env, n_steps=8, batch_size=8, **SMALL),
    "A2C": lambda env: A2C("MlpPolicy", env, **SMALL),
    "DQN": lambda env: DQN("MlpPolicy", env, buffer_size=10, **SMALL),
    "QRDQN": lambda env: QRDQN("MlpPolicy", env, buffer_size=10, **SMALL),
    "MaskablePPO": lambda env: MaskablePPO("MlpPolicy", env, n_steps=8, batch_size=8, **SMALL),
    "RecurrentPPO": lambda env: RecurrentPPO(
        "MlpLstmPolicy", env, n_steps=8, batch_size=8, seed=1, device="cpu", policy_kwargs={"lstm_hidden_size": 8}
    ),
}


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    """name -> a tiny untrained model of that algorithm for the toy game."""
    folder = tmp_path_factory.mktemp("zips")
    out = {}
    for name, make in MODELS.items():
        out[name] = str(folder / f"{name}.zip")
        make(arena.to_gymnasium(Toy)).save(out[name])
    return out


@pytest.mark.parametrize("name", MODELS)
def test_the_algorithm_is_detected(zips, name):
    assert read_zip(zips[name]).algorithm == name


@pytest.mark.parametrize("name", MODELS)
def test_a_zip_plays_and_batching_changes_no_decision(zips, name):
    assert KIND.resolve_options(None, zips[name], TRUSTED) == TRUSTED
    assert KIND.views(Toy.spec, zips[name], PLAIN) == Views(vector=True)
    seats, requests = turns(70)
    whole, singles, sevens = (answers(operator(zips[name]), seats, groups) for groups in groupings(requests))
    assert whole == singles == sevens
    assert all(whole[one.id] in one.observation.legal for one in requests)


def test_unmasked_a_zip_may_answer_what_is_illegal(zips):
    seats, requests = turns(60)
    found = answers(operator(zips["PPO"], mask=False), seats, [requests])
    assert any(found[one.id] not in one.observation.legal for one in requests)


def test_a_recurrent_model_remembers_its_match(zips):
    seats, requests = turns(1)
    player = operator(zips["RecurrentPPO"])
    player.open(seats)

    kept = player._seats[requests[0].match, requests[0].seat]
    player.act(requests)
    first = kept.after[0]
    later = Request(9, requests[0].match, requests[0].seat, 2, requests[0].observation)
    player.act([later])
    assert not first.equal(kept.after[0])
    assert first.equal(kept.before[0])
    again = kept.after[0]
    player.act([Request(10, later.match, later.seat, 2, later.observation, attempt=1)])
    assert again.equal(kept.after[0])
    player.end(requests[0].match, requests[0].seat, Outcome(status="terminated"))
    assert not player._seats


class Other(gymnasium.Env):
    """Five numbers in, three actions."""

    observation_space = gymnasium.spaces.Box(-1, 1, (5,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(5, np.float32), {}

    def step(self, action):
        return np.zeros(5, np.float32), 0.0, True, False, {}


class Wide(Other):
    observation_space = gymnasium.spaces.Box(-1, 1, SEEN, np.float32)
    action_space = gymnasium.spaces.Discrete(7)


@pytest.fixture
def other(tmp_path):
    path = str(tmp_path / "other.zip")
    PPO("MlpPolicy", Other(), n_steps=8, batch_size=8, **SMALL).save(path)
    return path


def test_a_mismatch_prints_both_spaces(other, tmp_path):
    with pytest.raises(UnplayableError) as error:
        KIND.views(Toy.spec, other, PLAIN)
    for words in (
        "Box(-1.0, 1.0, (5,), float32)",
        "Discrete(3)",
        f"Box(-inf, inf, {SEEN}, float32)",
        "low, high, skip",
    ):
        assert words in str(error.value)
    wide = str(tmp_path / "wide.zip")
    PPO("MlpPolicy", Wide(), n_steps=8, batch_size=8, **SMALL).save(wide)
    with pytest.raises(UnplayableError, match=r"Discrete\(7\).*Discrete\(3\)"):
        KIND.views(Toy.spec, wide, PLAIN)
    seats, _ = turns(1)
    with pytest.raises(ValueError, match=r"\(5,\).*\(8,\)"):
        operator(other).open(seats)


def test_of_many_actions_a_mismatch_lists_the_first(other):
    many = tuple(f"action {number}" for number in range(500))
    spec = msgspec.structs.replace(Toy.spec, actions=Discrete(many))
    with pytest.raises(UnplayableError, match=r"takes Discrete\(500\) \(action 0, .* and 492 more\)") as error:
        KIND.views(spec, other, PLAIN)
    assert len(str(error.value)) < 600
    (seat, *_), _ = turns(1)
    with pytest.raises(ValueError, match=r"takes Discrete\(500\) \(action 0, .* and 492 more\)"):
        operator(other).open([msgspec.structs.replace(seat, card=msgspec.structs.replace(seat.card, actions=many))])


def test_wrapped_it_plays(other, tmp_path):
    file = tmp_path / "adapt.py"
    file.write_text("def narrow(seen):\n    return seen[:5]\n\ndef wrong(seen):\n    return seen[:4]\n")
    options = {**TRUSTED, "wrap": f"{file}:narrow"}
    assert KIND.views(Toy.spec, other, KIND.resolve_options(None, other, options)) == Views(vector=True)
    seats, requests = turns(5)
    assert len(answers(operator(other, wrap=f"{file}:narrow"), seats, [requests])) == 5
    with pytest.raises(ValueError, match=r"@wrap gives shape \(4,\)"):
        answers(operator(other, wrap=f"{file}:wrong"), seats, [requests])
    with pytest.raises(InputError, match="no class or function 'absent'"):
        operator(other, wrap=f"{file}:absent")
    with pytest.raises(InputError, match=r"FILE\.py:NAME"):
        KIND.resolve_options(None, other, {**PLAIN, "wrap": "adapt.py"})


def test_normalised_as_it_was_trained(zips, tmp_path):
    inner = DummyVecEnv([lambda: arena.to_gymnasium(Toy)])
    normalizer = VecNormalize(inner)
    normalizer.obs_rms.mean[:] = np.arange(SEEN[0])
    file = str(tmp_path / "vecnormalize.pkl")
    normalizer.save(file)
    player = operator(zips["PPO"], normalize=file)
    seats, requests = turns(1)
    player.open(seats)
    vector = requests[0].observation.vector
    seen = player._see(requests[0], player._seats[requests[0].match, requests[0].seat])
    assert np.allclose(seen, normalizer.normalize_obs(vector))
    assert not np.allclose(seen, vector)


def test_a_model_that_sees_pictures_is_given_them(tmp_path):
    path = str(tmp_path / "picture.zip")
    env = arena.to_gymnasium(Toy, view="image")
    PPO("CnnPolicy", env, n_steps=8, batch_size=8, policy_kwargs={"net_arch": [8]}, device="cpu").save(path)
    views = KIND.views(Toy.spec, path, PLAIN)
    assert views == Views(image=(36, 36))
    seats, requests = turns(3, views)
    assert len(answers(operator(path), seats, [requests])) == 3


def test_a_corrupt_zip_is_refused(tmp_path):
    path = tmp_path / "bad.zip"
    path.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(CheckpointError, match="is not a Stable-Baselines3 model"):
        KIND.resolve_options(None, str(path), PLAIN)
