"""The recipe that makes nano: lessons follow from seeds, a run can be stopped anywhere, cards stand in two pieces."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

pytest.importorskip("transformers")

from PIL import Image
from transformers import AutoProcessor

from arena.prompts import fill
from arena.train import shards
from scripts.nano import batches, lessons, tokens, train
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


def test_a_stopped_run_ends_with_the_same_weights(straight, tmp_path):
    train.main(TINY, tmp_path, workers=1, threads=1, every=1, stop=1)
    train.main(TINY, tmp_path, workers=1, threads=1, every=1, stop=4)
    train.main(TINY, tmp_path, workers=1, threads=1, every=2)
    for name in ("model.safetensors", "tokenizer.json", "nano.json"):
        assert (tmp_path / "model" / name).read_bytes() == (straight / "model" / name).read_bytes()


def test_a_checkpoint_of_another_recipe_is_refused(straight):
    with pytest.raises(ValueError, match="batch"):
        train.main(replace(TINY, batch=9), straight, workers=1, threads=1, every=2)


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


@pytest.fixture(scope="module")
def pools(straight):
    return train.prepare(TINY, straight / "lessons", 1)[0]


def test_every_game_gets_its_share_and_every_lesson_its_turn(pools):
    phase = replace(TINY.phases[0], steps=50)
    long = replace(TINY, phases=(phase, TINY.phases[1]))
    met = [example for step in range(50) for example in batches.chosen(long, pools, step)]
    assert Counter(example.game for example in met) == {"kuhn": 100, "leduc": 300}
    assert set(Counter(id(example) for example in met).values()) == {1, 3}
    assert {example.game for example in batches.chosen(long, pools, 50)} == {"kuhn"}


def test_phases_have_lessons_of_their_own(pools):
    first, second = ([example.lesson for example in phase["kuhn"][:50]] for phase in pools)
    assert first != second


def test_the_rate_falls_within_each_phase_and_never_beyond():
    rates = [train.rate(Recipe(), step) for step in range(Recipe().steps)]
    first = Recipe().phases[0]
    assert max(rates) == first.rate
    assert rates[first.steps - 1] < 1e-4 < rates[first.steps + 49]
    assert min(rates[first.steps + 100 :]) == rates[-1] > 0
    with pytest.raises(ValueError, match="ends"):
        train.rate(Recipe(), Recipe().steps)


def test_the_processor_makes_the_prompts_that_were_trained_on(straight, pools):
    processor = AutoProcessor.from_pretrained(straight / "model")
    example = pools[0]["leduc"][0]
    content = [{"type": "image"}, {"type": "text", "text": example.lesson.prompt}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    made = processor(text=[text], images=[[Image.fromarray(example.lesson.image())]], return_tensors="np")
    assert made["input_ids"][0].tolist() == example.prompt.tolist()
    trained = lessons.pixels([example.lesson.image()])
    assert np.allclose(made["pixel_values"][0], trained, atol=1e-6)


def test_the_answer_is_what_follows_the_mark(straight):
    pools, _, tokenizer = train.prepare(TINY, straight / "lessons", 1)
    for example in pools[0]["leduc"]:
        tail = tokenizer.decode(example.target[-example.answer :])
        assert tail == f"Answer: {example.lesson.stored.answer}{tokens.END}"


@pytest.mark.parametrize("card", ["Kh", "Td", "2c", "As", "9s"])
def test_a_card_is_its_rank_and_its_suit(card):
    texts = ["I hold Kh Td. Board 2c As 9s."] * 50
    tokenizer = tokens.train([], texts, [], 400)
    assert tokenizer.tokenize(f"I hold {card} {card}.")[-5:] == [f"Ġ{card[0]}", card[1], f"Ġ{card[0]}", card[1], "."]
    assert tokenizer.decode(tokenizer(f"Board {card}.")["input_ids"]) == f"Board {card}."


def test_the_metadata_says_how_it_was_made(straight):
    about = json.loads((straight / "model" / "nano.json").read_text())
    assert about["games"] == ["kuhn", "leduc"]
    assert about["recipe"]["seed"] == about["seed"] == TINY.seed
