"""Kuhn conforms, and its teacher is an equilibrium."""

import string

import pyspiel
import pytest

from arena.game import Move, Views
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena_games.cards.lessons import table
from arena_games.cards.ranks import RANKS
from arena_games.kuhn.rules import BET, PASS, Kuhn


class TestKuhn(GameSuite):
    options = ({}, {"hands": 3})
    zero_sum = True

    def game(self, seats, options):
        return Kuhn(seats, options)


@pytest.mark.parametrize("seats", [2, 3])
def test_the_shipped_strategy_is_an_equilibrium(seats):
    engine = pyspiel.load_game(f"kuhn_poker(players={seats})")
    rows = {}
    for where, row in table("arena_games.kuhn", seats).items():
        rank, actions = where.split(" ")
        rows[f"{RANKS.index(rank)}{actions}"] = list(enumerate(row))
    assert pyspiel.nash_conv(engine, pyspiel.TabularPolicy(rows)) < 0.0001


def test_cards_are_shown_only_at_a_showdown():
    game = Kuhn(2)
    for actions, shown in (([BET, PASS], False), ([BET, BET], True), ([PASS, PASS], True), ([PASS, BET, PASS], False)):
        result = game.reset(seed(0))
        for action in actions:
            result = game.step({result.due[0]: Move(action)})
        assert result.ended == "terminated"
        assert bool(game.observe(0, Views(text=True)).facts["shown"]) == shown


def test_the_higher_card_wins():
    game = Kuhn(2)
    for number in range(10):
        game.reset(seed(number))
        game.step({0: Move(BET)})
        returns = game.step({1: Move(BET)}).returns
        assert (returns[0] > 0) == (RANKS.index(game.rank(0)) > RANKS.index(game.rank(1)))


def test_the_short_prompt_names_no_card():
    fields = {name for _, name, _, _ in string.Formatter().parse(Kuhn(2).card().prompts["short"])}
    assert not fields & {"hand", "shown", "text"}


def test_people_are_told_what_an_action_amounts_to():
    def labels(game, at):
        facts = game.observe(at, Views(text=True)).facts
        return [facts["label.pass"], facts["label.bet"]]

    game = Kuhn(2)
    (at,) = game.reset(seed(0)).due
    assert labels(game, at) == ["check", "bet 1"]
    (at,) = game.step({at: Move(BET)}).due
    assert labels(game, at) == ["fold", "call 1"]
