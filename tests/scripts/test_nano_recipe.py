"""The recipe that makes nano: lessons follow from seeds, a run can be stopped anywhere, cards stand in two pieces."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

pytest.importorskip("transformers")
pytest.importorskip("pyarrow")

from transformers import AutoTokenizer

from arena.errors import InputError
from arena.prompts import fill
from arena.train import shards
from arena.train.vlm import sft
from scripts.nano import build, lessons, tokens, train
from scripts.nano.recipe import Phase, Recipe, Share

TINY = Recipe(
    phases=(
        Phase(3, 1e-3, 1e-5, 1, {"kuhn": Share(1.0, 100), "leduc": Share(3.0, 100)}),
        Phase(2, 5e-4, 1e-5, 1, {"kuhn": Share(1.0, 50)}),
    ),
    shard=50,
    vocabulary=400,
    vision_width=16,
    vision_layers=1,
    vision_heads=1,
    width=32,
    inner=48,
    layers=1,
    heads=1,
    batch=8,
)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The folder of a run that was not stopped."""
    out = tmp_path_factory.mktemp("straight")
    train.main(TINY, out, workers=1, threads=1, every=2)
    return out


def test_a_stopped_run_ends_with_the_same_weights(straight, tmp_path, monkeypatch):
    saved, save = [], sft.save

    def stop(*given):
        save(*given)
        saved.append(given[-1])
        if len(saved) in (1, 3):  # in the first phase, and in the second
            raise KeyboardInterrupt

    monkeypatch.setattr(sft, "save", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train.main(TINY, tmp_path, workers=1, threads=1, every=1)
    train.main(TINY, tmp_path, workers=1, threads=1, every=1)
    for name in ("model.safetensors", "tokenizer.json", "nano.json"):
        assert (tmp_path / "model" / name).read_bytes() == (straight / "model" / name).read_bytes()


def test_a_training_of_another_recipe_is_refused(straight):
    with pytest.raises(InputError, match="batch"):
        train.main(replace(TINY, batch=9), straight, workers=1, threads=1, every=2)


def test_each_phase_begins_with_the_weights_of_the_one_before(straight):
    second = json.loads(next((straight / "phase-2").glob("checkpoint-*/facts.json")).read_text())["config"]
    assert second["model"] == f"vlm:{straight}/phase-1/model"
    assert second["seed"] == TINY.seed + 1


def test_where_it_goes_by_itself_is_corrected(tmp_path):
    phase = Phase(4, 1e-3, 1e-5, 1, {"race": Share(0.7, 10), "race:visited": Share(0.3, 0, 5)})
    how = train.config(replace(TINY, phases=(phase,)), 0, tmp_path, tmp_path, {"race:visited": tmp_path / "went"})
    assert [(one.label, one.weight) for one in how.sources] == [("teacher:race", 0.7), ("correct:went", 0.3)]


def test_a_moment_is_met_as_it_was_taught(tmp_path):
    unseen = lessons.unseen(tmp_path, "kuhn", 1, 5)
    for lesson, one in zip(unseen, lessons.read(sorted(tmp_path.iterdir())), strict=True):
        assert fill(lesson.card, lesson.observation, "short") == one.prompt
        assert (lesson.thought, lesson.answer) == (one.stored.thought, one.stored.answer)
        assert np.array_equal(lesson.observation.image, one.image())


def test_a_picture_of_another_size_is_refused(tmp_path):
    (file,) = shards.make(tmp_path, "kuhn", 1, "train", 1, 1, 1)
    ((card, stored),) = shards.stored([file])
    with pytest.raises(ValueError, match="expected 128x128x3"):
        lessons.met(card, structs.replace(stored, shape=(64, 256, 3)))


@pytest.mark.parametrize(("seed", "same"), [(TINY.seed, True), (7, False)])
def test_the_weights_before_training_follow_from_the_seed(straight, tmp_path, seed, same):
    tokenizer = AutoTokenizer.from_pretrained(straight / "begun")
    build.begin(replace(TINY, seed=seed), tokenizer, tmp_path / "begun")
    first, second = ((folder / "begun" / "model.safetensors").read_bytes() for folder in (straight, tmp_path))
    assert (first == second) is same


@pytest.mark.parametrize("card", ["Kh", "Td", "2c", "As", "9s"])
def test_a_card_is_its_rank_and_its_suit(card):
    texts = ["I hold Kh Td. Board 2c As 9s."] * 50
    tokenizer = tokens.train([], texts, [], 400)
    assert tokenizer.tokenize(f"I hold {card} {card}.")[-5:] == [f"Ġ{card[0]}", card[1], f"Ġ{card[0]}", card[1], "."]
    assert tokenizer.decode(tokenizer(f"Board {card}.")["input_ids"]) == f"Board {card}."


def test_the_picture_takes_as_many_tokens_as_the_recipe_says(straight):
    tokenizer = AutoTokenizer.from_pretrained(straight / "model")
    ids = tokenizer(tokens.image_text(TINY.image_tokens))["input_ids"]
    assert ids.count(tokenizer.convert_tokens_to_ids(tokens.IMAGE)) == TINY.image_tokens == 16


def test_the_metadata_says_how_it_was_made(straight):
    about = json.loads((straight / "model" / "nano.json").read_text())
    assert about["games"] == ["kuhn", "leduc"]
    assert about["recipe"]["seed"] == about["seed"] == TINY.seed
