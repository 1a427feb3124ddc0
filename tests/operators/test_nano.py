"""nano, the shipped model: it sees, it decides by what it sees, and nothing but its own request changes a decision."""

from __future__ import annotations

import hashlib
import json
import re
import shutil

import pytest

pytest.importorskip("transformers")

from arena.errors import UnplayableError
from arena.operator import WorkerContext
from arena.plugins import game_class
from arena.prompts import fill
from arena_games.cards.codes import CODES
from arena_operators.vlm.checkpoint import SHIPPED, check
from arena_operators.vlm.kind import declared, resolve_options, views
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import answers, decided, frames, hostile_to, lessons, requests, specials, swapped, told

HOLE, BOARD = r"I hold (\S+ \S+)\.", r"Board ([^.]*)\."


@pytest.fixture(scope="module")
def metadata():
    return json.loads((SHIPPED / "nano.json").read_text())


@pytest.fixture(scope="module")
def nano():
    """As it is seated by default."""
    return make(WorkerContext("", {}))


@pytest.fixture(scope="module")
def many():
    """A wider batch for the tests that ask for many decisions."""
    return make(WorkerContext("nano", {"batch": 32}))


def test_it_is_whole_small_and_the_one_that_was_measured(metadata):
    check(SHIPPED)
    weights = (SHIPPED / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == metadata["weights_sha256"]
    assert len(weights) <= 12_000_000
    assert 2_000_000 <= metadata["parameters"] <= 6_000_000


def test_it_needs_nothing_but_its_name():
    settled = {"device": "cpu", "dtype": "float32", "batch": 32, "threads": 1, "temperature": 1.0}
    assert settled.items() | {"max_tokens": 96, "prompt": "short"}.items() <= resolve_options(None, "", {}).items()
    assert declared("", {}) == "deterministic"
    assert views(game_class("holdem").spec, "", {}) == views(game_class("holdem").spec, "nano", {})
    assert views(game_class("holdem").spec, "", {}).image == (128, 128)


def test_a_model_says_how_long_its_answers_may_be(tmp_path, metadata):
    folder = tmp_path / "model"
    shutil.copytree(SHIPPED, folder)
    (folder / "nano.json").write_text(json.dumps({**metadata, "max_tokens": 200}))
    assert resolve_options(None, str(folder), {})["max_tokens"] == 200
    assert resolve_options(None, str(folder), {"max_tokens": 7})["max_tokens"] == 7


def test_it_reads_one_size_of_picture_only():
    with pytest.raises(UnplayableError, match="128x128 only"):
        views(game_class("holdem").spec, "", {"image": "256"})
    assert views(game_class("holdem").spec, "", {"image": "128"}).image == (128, 128)


def test_a_game_it_was_not_trained_for_is_refused(metadata):
    class Chess:
        id, image_sizes, text = "chess", ((128, 128),), True

    with pytest.raises(UnplayableError, match="trained for"):
        views(Chess, "", {})
    for game in metadata["games"]:
        assert views(game_class(game).spec, "", {}).text


@pytest.fixture(scope="module")
def holdem():
    return lessons("holdem", 400)


@pytest.fixture(scope="module")
def seen(many, holdem):
    return answers(many, holdem)


def _read(decision, pattern):
    found = re.search(pattern, decision.thought or "")
    return found and found[1]


def test_no_card_stands_in_the_prompt(holdem):
    for lesson in holdem:
        words = re.findall(r"\w+", fill(lesson.card, lesson.observation, "short"))
        assert not set(words) & set(CODES)


@pytest.mark.parametrize("pattern", [HOLE, BOARD])
def test_it_reads_the_cards_of_unseen_deals(holdem, seen, pattern):
    truth = [re.search(pattern, lesson.thought)[1] for lesson in holdem]
    right = sum(_read(decision, pattern) == wanted for decision, wanted in zip(seen, truth, strict=True))
    assert right >= 0.995 * len(holdem)


def test_its_answers_are_legal(holdem, seen):
    legal = [
        decision.answer in [lesson.card.actions[action] for action in lesson.observation.legal]
        for lesson, decision in zip(holdem, seen, strict=True)
    ]
    assert sum(legal) >= 0.99 * len(legal)  # it is sampled, and nothing repairs what it says


def test_another_picture_changes_what_it_sees_and_does(many, holdem):
    before, after, sources = (part[:80] for part in swapped(holdem))
    assert len(before) == 80
    first, second = answers(many, before), answers(many, after)
    truth = [re.search(HOLE, lesson.thought)[1] for lesson in sources]
    assert sum(_read(one, HOLE) == wanted for one, wanted in zip(second, truth, strict=True)) >= 0.98 * len(truth)
    changed = sum(one.answer != other.answer for one, other in zip(first, second, strict=True))
    assert changed >= 0.2 * len(before)  # the prompts are equal: only the picture differs


def test_neither_grouping_nor_order_changes_a_bit(nano, metadata):
    here = [game for game in metadata["games"] if game_class(game).runtime is None]
    taught = [lesson for game in here for lesson in lessons(game, 3)]
    seats, asked = requests(taught)
    nano.open(seats)
    whole = frames(decided(nano, asked))
    assert frames(decided(nano, [request])[0] for request in asked) == whole
    assert frames(decided(nano, asked[::-1])[::-1]) == whole
    assert frames([*decided(nano, asked[:5]), *decided(nano, asked[5:])]) == whole


def test_a_batch_is_on_its_way_while_one_is_computed(nano):
    assert nano.max_in_flight == 2 * nano.backend.batch


@pytest.mark.parametrize("pictures", [False, True])
def test_no_words_of_others_become_a_special_token_of_nano_in_what_it_is_told_of_earlier_turns(nano, pictures):
    settings = {"prompt": "short", "history": 2, "history_pictures": pictures}
    plain = specials(nano.backend, told("fine", **settings))
    assert len(plain) > 16  # image tokens, and the ends of its own answers
    for words in hostile_to(nano.backend.model.tokenizer):
        assert specials(nano.backend, told(words, **settings)) == plain, words
