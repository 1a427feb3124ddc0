"""The bench of training asks again beside the training's time, and its parts add up to the whole."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from scripts.bench.train import shares

SPENT = {
    "all": 12.0,
    "again": 2.0,
    "alone": 1.5,
    "rollout": 5.0,
    "generation": 4.0,
    "learn": 3.0,
    "engine": 2.5,
    "store": 1.0,
    "weights": 0.4,
    "checkpoint": 0.2,
}


def test_what_is_asked_again_is_no_part_of_the_training() -> None:
    found = shares(600, SPENT)
    assert found["generation"] == pytest.approx(0.15)
    assert found["ratio"] == pytest.approx(0.4)
    assert found["turns_per_second"] == 60
    assert found["generation_alone_turns_per_second"] == pytest.approx(400)
    assert found["update_alone_turns_per_second"] == pytest.approx(240)


def test_parts_are_the_whole() -> None:
    whole = [value for name, value in shares(600, SPENT).items() if name != "ratio" and "per_second" not in name]
    assert sum(whole) == pytest.approx(1)
