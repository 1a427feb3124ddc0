"""OpenSpiel games: names, chance, and what is refused."""

from __future__ import annotations

import pyspiel
import pytest

from arena import plugins
from arena.game import Move, UnparsableAnswerError, Views
from arena.testing.playing import played, seed
from arena_games.adapters import calls
from arena_games.adapters.base import named
from arena_games.adapters.openspiel import make


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("tic_tac_toe", ("(0,0)", "(0,1)")),
        ("goofspiel(num_cards=4)", ("Bid: 1", "Bid: 2")),
        ("leduc_poker", ("Fold", "Call")),
        ("go(board_size=5)", ("a1", "b1")),
        ("chess", ("action 0", "action 1")),
    ],
)
def test_names_hold_in_every_state(what, names):
    assert make(what).spec.actions.names[:2] == names


def test_the_engines_word_for_a_legal_action_is_an_answer():
    game = make("chess")(2)
    (white,) = game.reset(seed(0)).due
    action = game.parse(white, "e4").action
    assert game.state.action_to_string(white, action) == "e4"
    assert f"{game.spec.actions.names[action]} = e4" in game.observe(white, Views(text=True)).text


def test_the_engines_word_for_another_state_is_no_answer():
    game = make("chess")(2)
    (white,) = game.reset(seed(0)).due
    with pytest.raises(UnparsableAnswerError):
        game.parse(white, "e5")


def test_names_that_differ_in_case_only_are_numbers():
    assert named(["Na", "na", None, " x\ty "]) == ("action 0", "action 1", "action 2", "x y")


def test_the_same_cards_come_whatever_the_players_do():
    game = make("leduc_poker")(2)
    for number in range(8):
        boards = set()
        for chosen in ([1, 1], [1, 2, 1], [2, 1]):  # check, check; check, raise, call; raise, call
            result = game.reset(seed(number))
            for action in chosen:
                result = game.step({result.due[0]: Move(action)})
            history = game.state.history()
            boards.add((*history[:2], history[2 + len(chosen)]))
        assert len(boards) == 1


def test_chance_follows_the_engines_probabilities():
    game = make("pig")(2)
    rolls = []
    for number in range(300):
        game.reset(seed(number))
        game.step({0: Move(0)})
        rolls.append(game.state.history()[-1])
    assert {face: rolls.count(face) > 25 for face in set(rolls)} == dict.fromkeys(range(6), True)  # 50 are expected


def test_a_simultaneous_game_asks_all_at_once():
    game = make("matrix_rps")(2)
    assert game.reset(seed(0)).due == (0, 1)
    assert game.step({0: Move(0), 1: Move(1)}).returns == (-1.0, 1.0)


def test_actions_are_not_told_where_they_may_be_hidden():
    moments = list(played(make("phantom_ttt")(2), 0, 4))
    assert {event for moment in moments for event in moment.result.events} <= {"seat 0 acts", "seat 1 acts"}


@pytest.mark.parametrize("what", ["kuhn_poker(players=3)", "go(board_size=5,komi=0.5)", "hanabi"])
def test_a_game_is_found_again_by_its_id(what):
    spec = make(what).spec
    assert plugins.game_class(spec.id).spec.id == spec.id


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("tictactoe", "Did you mean tic_tac_toe"),
        ("go(board=5)", "Did you mean board_size"),
        ("tic_tac_toe(size=4)", "It has no parameters|no parameter 'size'"),
        ("go(board_size=5", "closing bracket"),
        ("go(board_size=0)", "cannot start it: unsupported board size"),
        ("misere", "needs parameters.*game"),
        ("mfg_garnet", "mean field"),
        ("stones_and_gems", "draws its chance by itself"),
        ("crossword", "structures without numbers"),
        ("colored_trails", "93123 actions"),
    ],
)
def test_what_cannot_be_played_says_why(what, why):
    with pytest.raises(ValueError, match=why):
        make(what)


def test_other_numbers_of_players_are_said_how_to_have():
    with pytest.raises(ValueError, match=r"openspiel:kuhn_poker\(players=3\)"):
        make("kuhn_poker")(3)


@pytest.mark.parametrize(
    ("what", "parsed"),
    [
        ("a", ("a", {})),
        ("a()", ("a", {})),
        ("a(b=1,c=x8, d='1,2')", ("a", {"b": 1, "c": "x8", "d": "1,2"})),
        ("a(b=f(c=1,d=2))", ("a", {"b": "f(c=1,d=2)"})),
    ],
)
def test_calls_are_read(what, parsed):
    assert calls.parse(what) == parsed


@pytest.mark.parametrize("what", ["a(b)", "a(b=1", "a(b=1,b=2)", "a(1=2)"])
def test_broken_calls_are_refused(what):
    with pytest.raises(ValueError, match=r"closing bracket|argument"):
        calls.parse(what)


def test_the_engine_that_was_probed_is_the_one_that_is_played():
    made = make("tic_tac_toe")
    assert isinstance(made.engine, pyspiel.Game)
    assert make("tic_tac_toe") is made
