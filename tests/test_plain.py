"""A game that brings no drawing and no prompts is shown and asked in its words."""

from __future__ import annotations

import numpy as np
import pytest

from arena import plain
from arena.game import Game, Move, Views
from arena.prompts import fill
from tests.toys import Turns


class Words(Turns):
    """Draws nothing itself."""

    draw = Game.draw

    def card(self):
        return self.make_card("Say {one} of 'zero', 'one', 'two'.")


@pytest.fixture
def words():
    game = Words(2)
    game.reset(bytes(16))
    return game


@pytest.mark.parametrize("size", [(96, 128), (120, 200), (600, 960)])
def test_its_words_are_drawn_at_any_size(words, size):
    picture = words.draw(*size)
    assert (picture.shape, str(picture.dtype)) == ((*size, 3), "uint8")
    assert len(np.unique(picture)) > 2, "nothing is written on it"


def test_the_drawing_follows_the_game(words):
    before = words.draw(240, 320)
    words.step({0: Move(1)})
    assert (words.draw(240, 320) != before).any()


def test_the_sheet_says_who_is_to_act(words):
    seen = [words.observe(seat, Views()) for seat in (0, 1)]
    lines = plain.words("", words.spec.actions.names, [(one.legal, one.text) for one in seen])
    assert lines == ["", "", "Seat 0, to act: zero, one, two", "", "Seat 1"]


def test_the_generic_prompt_fills_whatever_the_rules_hold(words):
    card = words.card()
    asked = fill(card, words.observe(0, Views(text=True)), "full")
    assert "Say {one} of" in asked
    assert "turn 0" in asked
    assert "zero, one, two" in asked
    assert asked.endswith("End with the line that begins with Answer:")


def test_a_game_with_prompts_of_its_own_keeps_them(words):
    assert words.make_card("r", "a", {"short": "x"}).prompts == {"short": "x"}
