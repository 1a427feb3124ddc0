"""nano's eyes: phrases of lessons are read off pictures that were never seen, and known pictures stay as they were."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("transformers")

from transformers import PreTrainedTokenizerFast

from arena.train.vlm.chats import Chat
from arena_operators.vlm.checkpoint import SHIPPED
from scripts.nano import build, eyes
from scripts.nano.recipe import Recipe

TINY = Recipe(vision_width=32, vision_layers=1, vision_heads=2, width=32, inner=48, layers=1, heads=1)
CORNERS = {"top left": (0, 0), "top right": (0, 64), "bottom left": (64, 0), "bottom right": (64, 64)}


def model():
    """A tiny one by chance."""
    return build.model(TINY, PreTrainedTokenizerFast.from_pretrained(SHIPPED))


def chats(count, *, said=True):
    """Squares in one corner, on noise."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        name = str(rng.choice(list(CORNERS)))
        picture = rng.integers(0, 60, (128, 128, 3)).astype(np.uint8)
        down, right = CORNERS[name]
        picture[down : down + 60, right : right + 60] += 150
        yield Chat("squares", (("user", (picture, "where?")),), f"It is {name}.\nAnswer: {name}" if said else "Noise.")


def test_phrases_are_runs_of_words_that_end_with_their_sentence():
    found = eyes.phrases(Chat("maze", (), "I am in row 3. Open: up.\nAnswer: up"))
    assert {"in row 3", "Open : up", "Answer : up"} <= found
    assert "3 . Open" not in found
    assert "3 Open" not in found


def test_what_is_shown_stands_for_a_thought_that_answers_a_question():
    assert "red" in eyes.phrases(Chat("spy", (), "Blue: none.\nAnswer: false", "a red cube"))
    assert "Blue" not in eyes.phrases(Chat("spy", (), "Blue: none.\nAnswer: false", "a red cube"))


def test_a_picture_that_is_asked_about_twice_stands_once():
    picture, other = [chat.messages for chat in chats(2)]
    found = eyes.gather("twice", [Chat("a", picture, "cat eats"), Chat("a", picture, "dog"), Chat("a", other, "dog")])
    assert len(found.pixels) == 2
    assert found.said.sum(0).tolist() == [1, 1, 1]


def test_it_sees_in_new_pictures_what_was_said_of_others():
    squares = eyes.gather("squares", chats(eyes.HELD + 400))
    first, *_, last = eyes.learn(model(), [squares], [], shares={squares.name: 48}, steps=60, rate=3e-3, seed=0)
    assert first["squares"] < 0.1
    assert last["squares"] > 0.8


def test_known_pictures_keep_their_image_tokens(monkeypatch):
    squares, known = eyes.gather("squares", chats(eyes.HELD + 400)), eyes.gather("known", chats(80, said=False))

    def moved():
        *_, last = eyes.learn(model(), [squares], [known], shares={squares.name: 48}, steps=30, rate=3e-3, seed=0)
        return last["moved"]

    held = moved()
    monkeypatch.setattr(eyes, "KEEP", 0.0)
    assert held < moved() / 2
