"""`ppo:FILE.zip`: what stands between a game and a foreign model, and what may be loaded at all."""

from __future__ import annotations

import sys

import msgspec
import numpy as np
import pytest

pytest.importorskip("sb3_contrib")
import gymnasium
import sb3_contrib
import stable_baselines3
from gymnasium.spaces import Box, Discrete
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

import arena
from arena.errors import CheckpointError, InputError, UnplayableError
from arena.game import Views
from arena.operator import Request
from arena_operators.ppo.frame_stack import FrameStack
from arena_operators.ppo.kind import KIND, declared
from arena_operators.ppo.sb3_zip import ALGORITHMS, CONTINUOUS, read_zip
from tests.operators.seats import PLAIN, SEEN, TRUSTED, answers, groupings, operator, turns
from tests.train.toy import Toy

SMALL = {"policy_kwargs": {"net_arch": [8]}, "device": "cpu", "seed": 1}


class Any(gymnasium.Env):
    """Random observations of any space."""

    def __init__(self, seen, actions):
        self.observation_space, self.action_space = seen, actions
        self.observation_space.seed(1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


def small(path, env):
    PPO("MlpPolicy", env, n_steps=8, batch_size=8, **SMALL).save(path)
    return str(path)


def numbers(width, actions=3):
    return Any(Box(-10, 10, (width,), np.float32), Discrete(actions))


@pytest.mark.parametrize(
    "space",
    [Box(-1, 1, (5,), np.float32), Box(0, 255, (8, 7, 3), np.uint8), Box(0, 255, (1, 8, 7), np.uint8)],
    ids=["numbers", "picture", "colours-first"],
)
def test_frames_are_stacked_as_sb3_stacks_them(space):
    env, frames = DummyVecEnv([lambda: Any(space, Discrete(2))]), FrameStack(3)
    theirs = VecFrameStack(env, 3)
    seen = [theirs.reset()[0].copy()]
    seen += [theirs.step([0])[0][0].copy() for _ in range(4)]
    newest = [one[-1:] if space.shape[0] == 1 else one[..., -space.shape[-1] :] for one in seen]
    assert all(np.array_equal(frames.push(new), one) for new, one in zip(newest, seen, strict=True))
    assert not seen[0].all()  # zeros, before there are three


def look(player, request):
    return player._see(request, player._seats[request.match, request.seat])


def test_a_stack_is_detected_and_kept_by_seat_and_match(tmp_path):
    file = small(tmp_path / "stacked.zip", numbers(3 * SEEN[0]))
    options = KIND.resolve_options(Toy.spec, file, TRUSTED)
    assert options["stack"] == 3
    assert KIND.views(Toy.spec, file, options) == Views(vector=True)
    for wrong in (None, 2):  # where nothing was detected, as by a server that does not know the game yet
        with pytest.raises(UnplayableError, match=r"sees 3 frames of toy at once.*say @stack=3"):
            KIND.views(Toy.spec, file, {**TRUSTED, "stack": wrong})
    player = operator(file, stack=3)
    seats, (one, other) = turns(2)
    player.open(seats)
    vector = one.observation.vector
    later = Request(7, one.match, one.seat, 2, other.observation)
    assert np.array_equal(look(player, one), np.concatenate([0 * vector, 0 * vector, vector]))
    assert np.array_equal(look(player, later), np.concatenate([0 * vector, vector, other.observation.vector]))
    again = msgspec.structs.replace(later, id=8, attempt=1)
    assert np.array_equal(look(player, again), look(player, later))
    assert not look(player, other)[: 2 * SEEN[0]].any()  # of another match


def test_pictures_of_another_number_of_frames_are_detected(tmp_path):
    file = str(tmp_path / "pictures.zip")
    env = VecFrameStack(DummyVecEnv([lambda: arena.to_gymnasium(Toy, view="image")]), 2)
    PPO("CnnPolicy", env, n_steps=8, batch_size=8, **SMALL).save(file)
    options = KIND.resolve_options(Toy.spec, file, TRUSTED)
    views = KIND.views(Toy.spec, file, options)
    assert (options["stack"], views) == (2, Views(image=(36, 36)))
    seats, requests = turns(70, views)
    whole, singles, sevens = (answers(operator(file, stack=2), seats, groups) for groups in groupings(requests))
    assert whole == singles == sevens


def test_what_is_no_whole_number_of_frames_is_refused(tmp_path):
    file = small(tmp_path / "odd.zip", numbers(2 * SEEN[0] + 1))
    with pytest.raises(UnplayableError, match=r"\(17,\).*\(8,\)"):
        KIND.views(Toy.spec, file, KIND.resolve_options(Toy.spec, file, TRUSTED))
    with pytest.raises(UnplayableError, match="@stack=4 are stacked"):
        KIND.views(Toy.spec, file, {**TRUSTED, "stack": 4})


@pytest.mark.parametrize("stacked_first", [False, True])
def test_normalised_before_or_after_it_is_stacked(tmp_path, stacked_first):
    inner = DummyVecEnv([lambda: numbers(SEEN[0])])
    env = VecNormalize(VecFrameStack(inner, 2)) if stacked_first else VecFrameStack(VecNormalize(inner), 2)
    normalizer = env if stacked_first else env.venv
    normalizer.obs_rms.mean[:] = 1 + np.arange(len(normalizer.obs_rms.mean))
    normalizer.save(tmp_path / "norm.pkl")
    file = small(tmp_path / "model.zip", numbers(2 * SEEN[0]))
    player = operator(file, stack=2, normalize=str(tmp_path / "norm.pkl"))
    seats, (one,) = turns(1)
    player.open(seats)
    vector, none = one.observation.vector, np.zeros(SEEN[0], np.float32)
    if stacked_first:
        wanted = normalizer.normalize_obs(np.concatenate([none, vector]))
    else:
        wanted = np.concatenate([none, normalizer.normalize_obs(vector)])
    assert np.allclose(look(player, one), wanted)


WRAP = """
class Pairs:
    def __init__(self):
        self.before = None

    def reset(self, seat, match):
        self.before = [seat, match]

    def observation(self, seen):
        out, self.before = [*self.before[:2], *seen[:2]], seen
        return out

    def action(self, chosen):
        return chosen % 2 + 1


class Raises:
    def observation(self, seen):
        return seen["no such thing"]


class Wrong(Pairs):
    def action(self, chosen):
        return 9


class Blind:
    pass
"""


@pytest.fixture
def wraps(tmp_path):
    (tmp_path / "wraps.py").write_text(WRAP)
    return tmp_path / "wraps.py"


def test_a_wrap_knows_its_match_keeps_state_and_maps_actions(tmp_path, wraps):
    file = small(tmp_path / "pairs.zip", numbers(4, actions=6))
    options = {**TRUSTED, "wrap": f"{wraps}:Pairs"}
    assert KIND.views(Toy.spec, file, KIND.resolve_options(None, file, options)) == Views(vector=True)
    player = operator(file, wrap=f"{wraps}:Pairs")
    seats, requests = turns(8)
    player.open(seats)
    for one in requests:
        assert look(player, one).tolist() == [one.seat, one.match, *one.observation.vector[:2]]
    later = msgspec.structs.replace(requests[0], id=99, tick=5)
    assert look(player, later)[:2].tolist() == requests[0].observation.vector[:2].tolist()
    found = answers(player, seats, [requests])
    assert set(found.values()) <= {1, 2}
    assert all(found[one.id] in one.observation.legal for one in requests)


def test_without_a_map_the_numbers_of_actions_must_agree(tmp_path, wraps):
    file = small(tmp_path / "pairs.zip", numbers(4, actions=6))
    seats, _ = turns(1)
    with pytest.raises(ValueError, match=r"Discrete\(6\).*Discrete\(3\)"):
        operator(file, wrap=f"{wraps}:Raises").open(seats)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Raises", r"observation of float32 \(8,\) raised IndexError: .*, line 19"),
        ("Wrong", r"action\(0\) gives 9; expected an action of the game, an int from 0 to 2"),
        ("Blind", "class Blind has no method observation"),
    ],
)
def test_a_wrap_that_is_wrong_is_told_in_words(tmp_path, wraps, name, words):
    file = small(tmp_path / "model.zip", numbers(4))
    seats, requests = turns(1)
    with pytest.raises((ValueError, InputError), match=words):
        answers(operator(file, wrap=f"{wraps}:{name}"), seats, [requests])


def test_classes_beside_the_zip_are_found(tmp_path, monkeypatch):
    (tmp_path / "own_extractor.py").write_text(
        "import torch\n"
        "from stable_baselines3.common.torch_layers import BaseFeaturesExtractor\n\n\n"
        "class Narrow(BaseFeaturesExtractor):\n"
        "    def __init__(self, space):\n"
        "        super().__init__(space, 4)\n"
        "        self.layer = torch.nn.Linear(space.shape[0], 4)\n\n"
        "    def forward(self, seen):\n"
        "        return self.layer(seen)\n"
    )
    file = tmp_path / "own.zip"
    with monkeypatch.context() as beside:
        beside.syspath_prepend(str(tmp_path))
        from own_extractor import Narrow

        kwargs = {"net_arch": [8], "features_extractor_class": Narrow}
        PPO("MlpPolicy", numbers(SEEN[0]), n_steps=8, batch_size=8, device="cpu", policy_kwargs=kwargs).save(file)
        del sys.modules["own_extractor"]
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert set(KIND.fingerprint(Toy.spec, str(file), TRUSTED)) == {"own.zip", "own_extractor.py"}
    assert declared(str(file), TRUSTED) == "measured"
    seats, requests = turns(2)
    assert len(answers(operator(file), seats, [requests])) == 2
    del sys.modules["own_extractor"]
    (tmp_path / "own_extractor.py").unlink()
    with pytest.raises(ValueError, match=r"No module named 'own_extractor'.*beside it"):
        operator(file)


def test_a_pickle_is_loaded_only_if_trusted(tmp_path):
    file = small(tmp_path / "model.zip", numbers(SEEN[0]))
    for load in (
        lambda what, options: KIND.resolve_options(None, what, options),
        lambda what, options: operator(what, **options),
    ):
        with pytest.raises(InputError, match=r"is a pickle: .*@trust=true"):
            load(file, PLAIN)
    assert KIND.resolve_options(None, file, TRUSTED) == TRUSTED


def test_what_the_users_code_takes_part_in_is_not_declared_deterministic(tmp_path, wraps):
    file = small(tmp_path / "model.zip", numbers(4))
    says = [declared(file, TRUSTED), declared(file, {**TRUSTED, "wrap": f"{wraps}:Pairs"}), declared("", PLAIN)]
    assert says == ["deterministic", "measured", "deterministic"]


def test_a_pickle_that_is_no_normalizer_is_refused(tmp_path):
    (tmp_path / "norm.pkl").write_bytes(b"\x80\x04K\x01.")
    file = small(tmp_path / "model.zip", numbers(SEEN[0]))
    with pytest.raises(ValueError, match="holds a int; expected what VecNormalize"):
        operator(file, normalize=str(tmp_path / "norm.pkl"))


def test_the_folder_of_an_eval_callback_is_named(tmp_path):
    env = arena.to_gymnasium(Toy)
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=8, **SMALL)
    folder = tmp_path / "logs"
    model.learn(
        8,
        EvalCallback(
            Monitor(env), n_eval_episodes=1, eval_freq=8, best_model_save_path=folder, log_path=folder, verbose=0
        ),
    )
    assert (folder / "evaluations.npz").is_file()
    assert KIND.resolve_options(None, str(folder), TRUSTED) == TRUSTED
    assert set(KIND.fingerprint(Toy.spec, str(folder), TRUSTED)) == {"best_model.zip"}
    seats, requests = turns(2)
    assert len(answers(operator(folder), seats, [requests])) == 2
    (folder / "best_model.zip").rename(folder / "rl_model_8_steps.zip")
    with pytest.raises(CheckpointError, match=r"neither policy\.safetensors .* zips there: rl_model_8_steps\.zip"):
        KIND.resolve_options(None, str(folder), TRUSTED)


def test_every_algorithm_that_is_installed_is_seated_or_refused_by_name():
    offered = {
        name
        for package in (stable_baselines3, sb3_contrib)
        for name in package.__all__
        if hasattr(getattr(package, name), "policy_aliases")
    }
    assert offered == set(ALGORITHMS) | set(CONTINUOUS)


def test_a_continuous_model_is_refused_in_words(tmp_path):
    file = tmp_path / "sac.zip"
    SAC("MlpPolicy", Any(Box(-1, 1, SEEN, np.float32), Box(-1, 1, (2,), np.float32)), buffer_size=10, **SMALL).save(
        file
    )
    with pytest.raises(UnplayableError, match="is a SAC model: it acts in continuous spaces only"):
        KIND.resolve_options(None, str(file), TRUSTED)


def test_a_wrong_guess_is_told_before_it_plays(tmp_path):
    file = str(tmp_path / "dqn.zip")
    DQN("MlpPolicy", arena.to_gymnasium(Toy), buffer_size=10, device="cpu").save(file)
    assert read_zip(file).algorithm == "DQN"
    with pytest.raises(ValueError, match=r"PPO.*@algo="):
        operator(file, algo="PPO")


def test_options_of_a_zip_are_refused_elsewhere():
    for name, value in (("stack", 2), ("trust", True), ("wrap", "a.py:b")):
        with pytest.raises(InputError, match=rf"ppo@{name}= goes with"):
            KIND.resolve_options(None, "", {**PLAIN, name: value})
