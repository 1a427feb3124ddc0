"""Worked examples that show how to answer: in the chat, before all that changes from turn to turn."""

from __future__ import annotations

import pytest

from arena.game import Views
from arena.operator import OpenSeat, Request
from arena.plugins import game_class
from arena_operators.vlm.dialogue import Dialogue, Settings
from arena_operators.vlm.examples import worked
from arena_operators.vlm.options import filled
from arena_operators.vlm.prompt import split


@pytest.fixture
def game():
    game = game_class("leduc")(seats=2)
    game.reset(bytes(16))
    return game


def asked(game, **settings):
    """The messages of the first turn."""
    dialogue = Dialogue(Settings(picture=False, **settings))
    seat = game.observe(0, Views(text=True))
    dialogue.open([OpenSeat(match=0, seat=0, operator="llm", card=game.card(), views=Views(text=True), seed=bytes(16))])
    return seat, dialogue.messages(Request(1, 0, 0, 0, seat))


@pytest.mark.parametrize("name", ["kuhn", "leduc", "connect_four", "openspiel:tic_tac_toe", "openspiel:kuhn_poker"])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_each_answer_is_one_of_the_actions_that_its_question_names(name, count):
    card = game_class(name)(seats=2).card()
    made = worked(card, count)
    assert len(made) == count
    for one in made:
        _, reply = split(one.answer)
        assert reply in card.actions
        assert reply in one.question[0]


def test_they_name_different_actions(game):
    assert [one.answer for one in worked(game.card(), 3)] == ["Answer: fold", "Answer: call", "Answer: raise"]


def test_what_changes_comes_after_them(game):
    seen, messages = asked(game, prompt="brief", examples=2)
    assert [one.role for one in messages] == ["user", "assistant"] * 2 + ["user"]
    assert messages[0].parts[0].startswith(game.card().rules)
    assert seen.text in messages[-1].parts[0]
    assert game.card().rules not in messages[-1].parts[0]


def test_without_examples_the_games_prompt_is_asked(game):
    _, messages = asked(game)
    assert len(messages) == 1
    assert game.card().rules in messages[0].parts[0]


def test_a_picture_is_shown_with_the_question_alone(game):
    from arena_operators.vlm.backend import Picture

    views = Views(image=(128, 128), text=True)
    dialogue = Dialogue(Settings(prompt="brief", examples=1))
    dialogue.open([OpenSeat(match=0, seat=0, operator="vlm", card=game.card(), views=views, seed=bytes(16))])
    messages = dialogue.messages(Request(1, 0, 0, 0, game.observe(0, views)))
    assert [any(isinstance(part, Picture) for part in one.parts) for one in messages] == [False, False, True]


def test_other_models_get_none_unless_they_are_asked_for():
    assert filled("org/model", {}, "llm")["examples"] == 0
    assert filled("org/model", {"examples": 3}, "llm")["examples"] == 3
