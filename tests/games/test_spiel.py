"""What all games on OpenSpiel's engine share."""

import numpy as np
import pytest

from arena.canonical import generator
from arena.game import Move, Views
from arena.testing.playing import drawn, seed
from arena_games.connect_four.rules import ConnectFour
from arena_games.kuhn.rules import Kuhn
from arena_games.leduc.rules import CALL, FOLD, RAISE, Leduc


def play_out(game, number, choose):
    result = game.reset(seed(number))
    while result.ended == "none":
        result = game.step({at: Move(choose(game.legal(at))) for at in result.due})
    return result


@pytest.mark.parametrize("seats", [2, 3])
def test_the_same_cards_come_whatever_the_players_do(seats):
    for number in range(20):
        calm, bold = Leduc(seats, {"hands": 3}), Leduc(seats, {"hands": 3})
        play_out(calm, number, lambda legal: CALL)
        play_out(bold, number, lambda legal: legal[-1])
        assert [hand.drawn for hand in calm.hands] == [hand.drawn for hand in bold.hands]


def test_a_hand_that_ends_early_does_not_move_the_next_hands_cards():
    for number in range(20):
        played, folded = Leduc(2, {"hands": 2}), Leduc(2, {"hands": 2})
        play_out(played, number, lambda legal: CALL)
        play_out(folded, number, lambda legal: FOLD if FOLD in legal else RAISE)
        assert folded.hands[0].drawn == played.hands[0].drawn[:2]
        assert folded.hands[1].drawn == played.hands[1].drawn[:2]


def test_the_first_to_act_moves_by_one_seat_each_hand():
    game = Kuhn(3, {"hands": 4})
    result = game.reset(seed(0))
    first = [result.due[0]]
    while result.ended == "none":
        hands = len(game.hands)
        result = game.step({result.due[0]: Move(0)})
        if len(game.hands) > hands:
            first.append(result.due[0])
    assert first == [0, 1, 2, 0]


def test_returns_are_per_hand():
    one, many = Kuhn(2, {"hands": 1}), Kuhn(2, {"hands": 50})
    assert max(abs(value) for value in play_out(one, 0, max).returns) == 2
    assert all(abs(value) <= 2 for value in play_out(many, 0, max).returns)


def test_a_match_cut_short_is_scored_by_the_hands_it_finished():
    game = Kuhn(2, {"hands": 10})
    result = game.reset(seed(0))
    totals = np.zeros(2)
    while len(game.hands) < 3:
        result = game.step({result.due[0]: Move(1)})
        totals += result.rewards
    assert set(np.abs(game.score(totals.tolist()))) <= {0.0, 2.0}


def test_the_state_hash_covers_what_the_engine_makes_of_the_inputs():
    told, other = Leduc(2), Leduc(2)
    for game in (told, other):
        game.reset(seed(0))
    assert told.state_hash() == other.state_hash()
    other.hand.state.apply_action(RAISE)  # the engine goes another way, and our own log of inputs knows nothing of it
    assert told.hand.log == other.hand.log
    assert told.state_hash() != other.state_hash()


def test_the_state_hash_covers_what_the_engine_made_of_earlier_hands():
    told, other = Kuhn(2, {"hands": 2}), Kuhn(2, {"hands": 2})
    for game in (told, other):
        game.reset(seed(0))
    other.hand.state = other.engine.new_initial_state()
    for card in other.hand.drawn[::-1]:  # the engine deals the same cards to the wrong players
        other.hand.state.apply_action(card)
    for game in (told, other):
        while len(game.hands) == 1:
            game.step({game.due_seat: Move(0)})
    assert told.hand.log == other.hand.log
    assert told.state_hash() != other.state_hash()


def test_the_state_hash_covers_cards_nobody_has_seen():
    game = Leduc(2)
    first = game.reset(seed(0)).state_hash
    assert game.reshuffle_hidden(0, generator(seed(1))).state_hash() != first


def test_reshuffling_keeps_what_was_shown():
    chance = generator(seed(2))
    for number in range(10):
        game = Leduc(2, {"hands": 3})
        result = game.reset(seed(number))
        while result.ended == "none":
            result = game.step(drawn(game, result, chance))
        assert game.reshuffle_hidden(0, chance).hands[-1].state.returns() == game.hands[-1].state.returns()


def test_a_size_that_is_not_offered_is_refused():
    game = Kuhn(2)
    game.reset(seed(0))
    with pytest.raises(ValueError, match="draws at"):
        game.observe(0, Views(image=(64, 64)))


def test_a_forfeited_match_is_another_state():
    game = ConnectFour(2)
    before = game.reset(seed(0)).state_hash
    assert game.forfeit(0).state_hash != before
