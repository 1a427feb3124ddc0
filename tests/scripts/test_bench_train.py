"""The bench of training compares as many turns on both sides, and its parts add up to the whole."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from scripts.bench.train import shares

SPENT = {
    "all": 10.0,
    "rollout": 5.0,
    "generation": 4.0,
    "learn": 3.0,
    "engine": 2.5,
    "store": 1.0,
    "weights": 0.4,
    "checkpoint": 0.2,
}


def test_generation_alone_is_taken_for_as_many_turns_as_the_training_had() -> None:
    found = shares(600, SPENT, last=200, generation=1.0)
    assert found["generation"] == pytest.approx(0.3)
    assert found["ratio"] == pytest.approx(0.55)
    assert found["turns_per_second"] == 60
    assert found["generation_alone_turns_per_second"] == pytest.approx(200)
    assert found["update_alone_turns_per_second"] == pytest.approx(240)


def test_parts_are_the_whole() -> None:
    found = shares(600, SPENT, last=200, generation=1.0)
    whole = [value for name, value in found.items() if name != "ratio" and "per_second" not in name]
    assert sum(whole) == pytest.approx(1)
