"""Products of rows, and the vision tower that stands on them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("transformers")

import torch

from arena.operator import WorkerContext
from arena_operators.vlm import products
from arena_operators.vlm.backend import Picture
from arena_operators.vlm.checkpoint import SHIPPED
from arena_operators.vlm.operator import make
from arena_operators.vlm.products import MANY, Weight
from arena_operators.vlm.vision import Tower
from tests.operators.vlm_kit import answers, foreign, lessons

COUNTS = (1, 2, 7, 8, 9, 63, 64, 65, 100, 128, 700, MANY, MANY + 1, 2 * MANY + 37)


def raising(*given):
    raise RuntimeError("_linear_pointwise() expected at most 5 arguments")


REAL = torch.ops.mkldnn
CHANGED = {  # what another torch may have instead of the private functions of this one
    "missing": SimpleNamespace(),
    "half": SimpleNamespace(_reorder_linear_weight=lambda *given: REAL._reorder_linear_weight(*given)),
    "changed": SimpleNamespace(_reorder_linear_weight=lambda *given: given[0], _linear_pointwise=raising),
    "wrong": SimpleNamespace(
        _reorder_linear_weight=lambda *given: given[0],
        _linear_pointwise=lambda rows, matrix, *given: rows @ -matrix.t(),
    ),
}


@pytest.fixture
def untried(monkeypatch):
    """No shape was tried by now."""
    monkeypatch.setattr(products, "_TRIED", {})


@pytest.fixture(params=["packed", "tiled", "large", *CHANGED])
def weight(request, monkeypatch, untried):
    if request.param in CHANGED:
        monkeypatch.setattr(torch.ops, "mkldnn", CHANGED[request.param])
    if request.param == "tiled":
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    if request.param == "large":
        monkeypatch.setattr(products, "LARGE", 0)
    chance = torch.Generator().manual_seed(0)
    matrix, bias = torch.randn(96, 64, generator=chance), torch.randn(96, generator=chance)
    return matrix, bias, Weight(matrix, bias=bias)


@pytest.mark.parametrize("activation", ["none", "gelu", "gelu_tanh"])
def test_a_product_is_the_product(weight, activation):
    matrix, bias, made = weight
    rows = torch.randn(70, 64, generator=torch.Generator().manual_seed(1))
    wanted = rows @ matrix.t() + bias
    if activation != "none":
        wanted = torch.nn.functional.gelu(wanted, approximate="tanh" if activation == "gelu_tanh" else "none")
    assert torch.allclose(made.rows(rows, activation), wanted, atol=2e-5)


def written():
    """By nano, at temperature 0."""
    return [one.tokens.tolist() for one in answers(make(WorkerContext("", {"temperature": 0})), lessons("kuhn", 4))]


@pytest.fixture(scope="module")
def usual():
    return written()


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_nano_writes_the_same_tokens_where_torch_has_not_the_functions(monkeypatch, usual, untried, how):
    monkeypatch.setattr(torch.ops, "mkldnn", CHANGED[how])
    assert written() == usual


def test_new_weights_and_further_copies_of_the_same_shapes_are_taken_without_a_trial(monkeypatch):
    backend = make(WorkerContext("", {})).backend

    def tried(weight):
        raise AssertionError("a shape was tried again")

    monkeypatch.setattr(Weight, "_equal", tried)
    backend.update(str(SHIPPED))
    make(WorkerContext("", {}))


def test_a_row_has_the_same_bits_whatever_stands_beside_it(weight):
    _, _, made = weight
    rows = torch.randn(max(COUNTS), 64, generator=torch.Generator().manual_seed(2))
    whole = made.rows(rows)
    for count in COUNTS:
        assert torch.equal(made.rows(rows[-count:]), whole[-count:])
        assert torch.equal(made.rows(rows[:count]), whole[:count])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = foreign(tmp_path_factory.mktemp("foreign") / "model")
    return make(WorkerContext(str(folder), {})).backend.model


@pytest.fixture(scope="module")
def pictures():
    chance = np.random.default_rng(3)
    return [Picture(chance.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(20)]


def looked(model, pictures, tower):
    from arena_operators.vlm.encoder import Encoder

    with torch.inference_mode():
        return Encoder(model, tower).look(pictures)


def test_the_tower_computes_what_transformers_does(model, pictures):
    tower = Tower(model.model.model)
    for mine, theirs in zip(looked(model, pictures, tower), looked(model, pictures, None), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4 * float(theirs.abs().max()))


def test_a_picture_has_the_same_features_alone_and_among_others(model, pictures):
    tower = Tower(model.model.model)
    together = looked(model, pictures, tower)
    for index in (0, 7, 19):
        assert torch.equal(looked(model, [pictures[index]], tower)[0], together[index])


def test_a_picture_of_another_size_is_read_by_the_processor(model, pictures):
    """And so is one whose values the processor does more to than to scale them."""
    chance = np.random.default_rng(4)
    wide = Picture(chance.integers(0, 256, (40, 64, 3), dtype=np.uint8))
    tower = Tower(model.model.model)
    (mine,), (theirs,) = looked(model, [wide], tower), looked(model, [wide], None)
    assert torch.allclose(mine, theirs, atol=1e-4 * float(theirs.abs().max()))
