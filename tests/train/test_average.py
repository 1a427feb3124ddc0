"""The average of snapshots (scripts/ppo/average.py): one network that plays the mean of several."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from arena.train.policy import Mlp, probabilities
from tests.train.toy import CARDS, Toy

SCRIPT = Path(__file__).parents[2] / "scripts/ppo/average.py"


@pytest.fixture(scope="module")
def average():
    spec = importlib.util.spec_from_file_location("ppo_average", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class _Plain(Toy):
    """The toy game, whose hands cannot be counted."""

    def __init__(self, seats, options=None):
        super().__init__(seats)


def _always(action):
    """A network that gives `action` most of the chance."""
    chance = np.random.default_rng(action)
    hidden = (0.1 * chance.normal(size=(16, CARDS + 2))).astype(np.float32)
    bias = np.zeros(3, np.float32)
    bias[action] = 4
    return Mlp([(hidden, np.zeros(16, np.float32)), (np.zeros((3, 16), np.float32), bias)])


def test_the_average_of_low_and_high_plays_each_half_the_time(average, monkeypatch):
    monkeypatch.setattr(average, "CHUNK", 50)
    data = average.collect(_Plain, 2, [_always(0), _always(1)], 200, seed=1)
    mlp = average.fit(_always(0), data, steps=300, seed=1)
    chances = probabilities(mlp.rows(data[0][:40]), data[1][:40])
    assert np.allclose(chances[:, :2], 0.5, atol=0.15)
    assert chances[:, 2].max() < 0.1
