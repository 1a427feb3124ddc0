"""A set-up error is not play: it ends `arena play` in words before the first match, whoever brought it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sb3_contrib")
pytest.importorskip("transformers")

import gymnasium
import numpy as np
from stable_baselines3 import DQN, PPO

from tests.operators.vlm_kit import foreign

ARENA = str(Path(sys.executable).with_name("arena"))
WRAPS = """
class Raises:
    def observation(self, seen):
        return seen["no such thing"]

"""


class Five(gymnasium.Env):
    """Five numbers in, two actions."""

    observation_space = gymnasium.spaces.Box(-1, 1, (5,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What people bring, each with one fault."""
    made = tmp_path_factory.mktemp("brought")
    (made / "wraps.py").write_text(WRAPS)
    PPO("MlpPolicy", Five(), n_steps=8, batch_size=8, device="cpu", policy_kwargs={"net_arch": [8]}).save(
        made / "p.zip"
    )
    DQN("MlpPolicy", Five(), buffer_size=10, device="cpu", policy_kwargs={"net_arch": [8]}).save(made / "dqn.zip")
    foreign(made / "blind", chat=True)
    (made / "blind" / "chat_template.jinja").write_text("{{ messages[0]['content'][1]['text'] }}")
    return made


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        ("ppo:p.zip@trust=true@wrap=wraps.py:Raises", ["@wrap=wraps.py:Raises", "IndexError", "line 4"]),
        ("ppo:dqn.zip@trust=true@algo=PPO@wrap=wraps.py:Raises", ["PPO", "@algo="]),
        ("vlm:blind", ["chat template of this model drops the picture"]),
    ],
)
def test_what_cannot_be_set_up_is_told_before_the_first_match(folder, tmp_path, operator, words):
    run = tmp_path / "run"
    command = [ARENA, "play", "--game", "kuhn", "--operators", f"{operator},random", "--matches", "4", "--quiet"]
    done = subprocess.run(
        [*command, "--out", str(run)], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode in (1, 2), done.stdout
    assert [word for word in words if word not in done.stderr] == []
    assert "this is a bug" not in done.stderr
    assert "score" not in done.stdout  # no table: nothing was played
