"""Adapters that ship for nano: found by name, small, and for the games that they say."""

from __future__ import annotations

import hashlib
import json

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

from arena.errors import CheckpointError, InputError, UnplayableError
from arena.lineup import build_plan
from arena.play import run_plan
from arena.plugins import game_class
from arena.record.reader import Run
from arena.train.vlm.learnable import learner
from arena_operators.vlm.checkpoint import ADAPTERS, SHIPPED, adapters, check_source, source
from arena_operators.vlm.kind import views

RACE = game_class("race").spec


def test_they_are_found_by_name():
    assert list(adapters()) == ["race", "sidescroller"]
    assert source("nano", "race").adapter == ADAPTERS / "race"


def test_a_name_that_is_none_is_told_with_those_that_there_are():
    with pytest.raises(InputError, match="nano comes with: race, sidescroller"):
        source("nano", "rcae")


def test_the_name_is_one_of_nano_alone(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="that one ships for nano: vlm:nano@adapter=race"):
        source(str(tmp_path), "race")
    with pytest.raises(InputError, match="no folder of a peft adapter"):
        source(str(tmp_path), "rase")


def test_an_adapter_of_another_model_that_ships_is_refused():
    with pytest.raises(CheckpointError, match="sidescroller was made for vlm:nano, not for vlm:nano-games: say vlm:n"):
        check_source(source("nano-games", str(ADAPTERS / "sidescroller")))


def test_nano_alone_refuses_the_race_and_names_the_adapter():
    with pytest.raises(UnplayableError, match="vlm:nano@adapter=race"):
        views(RACE, "", {})
    assert views(RACE, "nano", {"adapter": "race"}).image == (128, 128)


@pytest.mark.parametrize("name", ["race", "sidescroller"])
def test_the_weights_are_those_that_were_made_and_small(name):
    weights = (ADAPTERS / name / "adapter_model.safetensors").read_bytes()
    about = json.loads((ADAPTERS / name / "nano.json").read_text())
    assert hashlib.sha256(weights).hexdigest() == about["weights_sha256"]
    assert len(weights) <= 2_000_000
    assert name in about["games"]
    base = (SHIPPED / "model.safetensors").read_bytes()
    assert hashlib.sha256(base).hexdigest() == about["base_sha256"]


def test_it_runs_the_race(tmp_path):
    run_plan(build_plan("race@horizon=12", ["vlm:nano@adapter=race", "scripted"], seed=1, matches=1), tmp_path / "run")
    said = [line.thought for line in Run(tmp_path / "run").lines() if getattr(line, "thought", None)]
    assert len(said) == 12
    assert len(set(said)) > 1


def test_the_model_with_its_adapter_can_be_trained():
    made = learner("vlm:nano@adapter=race", "cpu", "float32")
    assert all(one.requires_grad for one in made.model.parameters())
