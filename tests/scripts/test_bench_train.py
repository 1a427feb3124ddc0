"""The bench of training asks again beside the training's time, and its parts add up to the whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

pytest.importorskip("torch")

from arena.operator import WorkerContext
from arena_operators.vlm import checkpoint
from arena_operators.vlm.operator import BatchOperator, make
from scripts.bench.train import CLOCKS, Listener, shares
from tests.operators.vlm_kit import decided, lessons, requests

NANO = checkpoint.source("nano").path
SPENT = {
    "all": 12.0,
    "again": 2.0,
    "alone": 2.5,
    "at_once": 1.5,
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
    assert found["ratio"] == pytest.approx(0.5)
    assert found["at_once"] == pytest.approx(0.4)
    assert found["model"] == pytest.approx(0.65)
    assert found["turns_per_second"] == 60
    assert found["generation_alone_turns_per_second"] == pytest.approx(240)
    assert found["update_alone_turns_per_second"] == pytest.approx(240)


def test_parts_are_the_whole() -> None:
    found = shares(600, SPENT)
    whole = [
        value for name, value in found.items() if name not in ("ratio", "at_once", "model") and "per_second" not in name
    ]
    assert sum(whole) == pytest.approx(1)


@pytest.fixture(scope="module")
def heard() -> Listener:
    """What a backend was asked and answered."""
    listener = Listener({name: defaultdict(float) for name in CLOCKS})
    operator = make(WorkerContext("nano", {"threads": 1, "temperature": 1.0, "device": "cpu"}))
    assert isinstance(operator, BatchOperator)
    seats, asked = requests(lessons("leduc", 2))
    operator.open(seats)
    with listener.listening():
        decided(operator, asked)
    return listener


def test_the_same_answers_are_timed(heard: Listener) -> None:
    assert NANO is not None
    assert sum(heard.waves) == len(heard.asked)
    heard._again(NANO, "alone", heard.waves)
    heard._again(NANO, "at_once", [1] * len(heard.asked))
    assert min(heard.spent["processor"][part] for part in ("alone", "at_once")) > 0


def test_another_answer_ends_the_bench(heard: Listener) -> None:
    (request, answer), *others = heard.asked
    assert answer.tokens is not None
    heard.asked[0] = request, replace(answer, tokens=answer.tokens + 1)
    assert NANO is not None
    with pytest.raises(ValueError, match="turn 0 was answered"):
        heard._again(NANO, "alone", heard.waves)
    heard.asked[:] = [(request, answer), *others]
