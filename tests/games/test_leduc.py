"""Leduc conforms, and its teacher is an equilibrium."""

import string

import numpy as np
import pyspiel
import pytest

from arena.canonical import generator
from arena.game import Move, Views
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena_games.cards.lessons import table
from arena_games.leduc.rules import CALL, FOLD, RAISE, Leduc
from arena_games.leduc.teacher import information, lessons


class TestLeduc(GameSuite):
    options = ({}, {"hands": 3})
    zero_sum = True

    def game(self, seats, options):
        return Leduc(seats, options)


def test_bets_are_what_the_engine_says():
    for number in range(40):
        game = Leduc(2 + number % 2)
        result = game.reset(seed(number))
        chance = generator(seed(number))
        while result.ended == "none":
            at = result.due[0]
            result = game.step({at: Move(int(chance.choice(game.legal(at))))})
            money = str(game.hand.state).split("Money (")[1].split(": ")[1].split("\n")[0].split()
            if result.ended == "none":
                assert [100 - int(value) for value in money] == game.table().bets


def test_the_board_is_in_no_view_before_it_is_dealt():
    game = Leduc(2)
    game.reset(seed(0))
    assert game.observe(0, Views(text=True)).facts["board"] == "none"
    game.step({0: Move(CALL)})
    game.step({1: Move(CALL)})
    assert game.observe(0, Views(text=True)).facts["board"] in "JQK"


def test_another_card_gives_another_picture():
    game = Leduc(2)
    pictures = {}
    for number in range(12):
        game.reset(seed(number))
        pictures.setdefault(game.rank(0), set()).add(game.observe(0, Views(image=(128, 128))).hashes()["image"])
    assert len(pictures) == 3
    assert all(len(found) == 1 for found in pictures.values()), "suits, or the other's card, show"
    assert len(set.union(*pictures.values())) == 3


def test_the_default_checks_or_folds():
    game = Leduc(2)
    game.reset(seed(0))
    assert game.default_action(0) == CALL
    game.step({0: Move(RAISE)})
    assert game.default_action(1) == FOLD


def test_the_short_prompt_names_no_card():
    fields = {name for _, name, _, _ in string.Formatter().parse(Leduc(2).card().prompts["short"])}
    assert not fields & {"hand", "board", "shown", "text"}


def test_the_shipped_strategy_is_hardly_exploitable():
    engine = pyspiel.load_game("leduc_poker(players=2)")
    policy = {}

    def walk(state, cards, rounds):
        if state.is_terminal():
            return
        for action in state.legal_actions():
            if state.is_chance_node():
                walk(state.child(action), [*cards, "JQK"[action // 2]], rounds)
            else:
                now = [list(part) for part in rounds]
                now[len(cards) > 2].append(action)
                walk(state.child(action), cards, now)
        if not state.is_chance_node():
            board = cards[2] if len(cards) > 2 else ""
            row = table("arena_games.leduc", 2)[information(cards[state.current_player()], board, rounds)]
            legal = state.legal_actions()
            total = sum(row[action] for action in legal)
            policy[state.information_state_string()] = [(action, row[action] / total) for action in legal]

    walk(engine.new_initial_state(), [], [[], []])
    assert pyspiel.exploitability(engine, pyspiel.TabularPolicy(policy)) < 0.001


@pytest.mark.parametrize("number", range(3))
def test_lessons_say_what_is_seen(number):
    chance = np.random.default_rng(number)
    words = {"J": "jack", "Q": "queen", "K": "king", "A": "ace"}
    for _ in range(20):
        for lesson in lessons(chance):
            facts = lesson.observation.facts
            assert words[facts["hand"]] in lesson.thought.split(".")[0]
            assert ("No board" in lesson.thought) == (facts["board"] == "none")
            if facts["board"] != "none":
                assert words[facts["board"]] in lesson.thought.split(".")[1]


def test_people_are_told_what_an_action_amounts_to_and_how_the_last_hand_ended():
    game = Leduc(2, {"hands": 2})

    def facts(at):
        return game.observe(at, Views(text=True)).facts

    def labels(at):
        return {key: value for key, value in facts(at).items() if key.startswith("label.")}

    (at,) = game.reset(seed(0)).due
    assert labels(at) == {"label.call": "check", "label.raise": "raise to 3"}
    assert labels(1 - at) == {}  # who is not asked
    (at,) = game.step({at: Move(RAISE)}).due
    assert labels(at) == {"label.fold": "fold", "label.call": "call 2", "label.raise": "raise to 5"}
    assert facts(at)["last_hand"] == "none"
    game.step({at: Move(FOLD)})
    assert facts(0)["last_hand"] == facts(1)["last_hand"] == f"seat {1 - at} wins the pot"
