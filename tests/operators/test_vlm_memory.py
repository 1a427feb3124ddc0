"""A model here that runs out of memory says which option to lower."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")

import torch

from arena.operator import WorkerContext, decisions
from arena_operators.vlm import model
from arena_operators.vlm.embedded import TransformersBackend
from arena_operators.vlm.generate import Batches
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import lessons, requests

HUGE = 1 << 48  # more than there is of anything


@pytest.fixture(scope="module")
def operator():
    return make(WorkerContext("nano", {"batch": 8}))


@pytest.mark.parametrize(("batch", "said"), [(HUGE, rf"lower @batch= \(now {HUGE}\)"), (1, "shorten prompts")])
def test_answers_without_memory_say_what_to_lower(operator, monkeypatch, batch, said):
    made = TransformersBackend(operator.backend.model, batch)
    made._engine = Batches(operator.backend.model, HUGE)
    monkeypatch.setattr(operator, "backend", made)
    seats, asked = requests(lessons("kuhn", 1))
    operator.open(seats)
    with pytest.raises(MemoryError, match=f"out of memory on cpu in a batch of {batch} answers: {said}"):
        decisions(asked, operator.act(asked))


def without_memory(*_):
    return torch.empty(HUGE)


def test_weights_that_find_no_memory_say_what_to_do(operator, tmp_path, monkeypatch):
    monkeypatch.setattr(operator.backend.model, "update", without_memory)
    with pytest.raises(MemoryError, match=r"in taking new weights.*: say @dtype=bfloat16 \(now float32\)"):
        operator.update("pi_v1", str(tmp_path))


def test_a_model_that_finds_no_memory_says_what_to_do(monkeypatch):
    monkeypatch.setattr(model, "checked", without_memory)
    with pytest.raises(ValueError, match=r"out of memory on cpu in loading .*nano: say @dtype=bfloat16"):
        make(WorkerContext("nano", {}))
