"""What seats of PettingZoo games are given, and how chess is spoken."""

from __future__ import annotations

import chess
import pytest

from arena.game import IllegalActionError, UnparsableAnswerError, Views
from arena.testing.playing import played, seed
from arena_games.adapters.zoo import make
from arena_games.adapters.zoo_known import CARDS


@pytest.fixture
def board():
    game = make("chess_v6")(2)
    game.reset(seed(0))
    return game


def follow(game, *moves):
    for number, move in enumerate(moves):
        result = game.step({number % 2: game.parse(number % 2, move)})
    return result


@pytest.mark.parametrize("what", ["texas_holdem_v4", "texas_holdem_no_limit_v6", "leduc_holdem_v4", "hanabi_v5"])
def test_no_seat_gets_the_picture_that_shows_everyones_cards(what):
    game = make(what)(2)
    game.reset(seed(0))
    assert game.spec.image_sizes == ()
    with pytest.raises(ValueError, match="draws nothing"):
        game.observe(0, Views(image=(128, 128)))
    assert game.draw(120, 200).std() > 0  # spectators do see it


def test_a_seat_reads_its_own_cards_and_no_other():
    for moment in played(make("texas_holdem_v4")(2), 0, 8):
        table = moment.game.driver.env.unwrapped.env.game
        for seat in (0, 1):
            mine = [card.suit.lower() + card.rank for card in table.players[seat].hand + table.public_cards]
            said = moment.game.observe(seat, Views(text=True)).facts["cards"].split()
            assert sorted(card[1] + card[0] for card in said) == sorted(mine)
    assert len(set(CARDS)) == 52


def test_a_seat_of_chess_gets_the_board_as_a_picture(board):
    assert board.observe(1, Views(image=(128, 128))).image.shape == (128, 128, 3)


def test_the_fen_is_a_fact_and_stands_in_the_text(board):
    follow(board, "e2e4")
    given = board.observe(1, Views(text=True))
    assert given.facts["fen"] == "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"
    assert f"FEN: {given.facts['fen']}" in given.text


def test_uci_moves_mean_the_same_for_both_sides(board):
    follow(board, "e2e4", "e7e5")
    assert board.driver.env.unwrapped.board.piece_at(chess.E5) == chess.Piece.from_symbol("p")


def test_every_legal_move_and_no_other_can_be_played():
    for moment in played(make("chess_v6")(2), 1, 60):
        theirs = moment.game.driver.env.unwrapped.board
        for seat in moment.result.due:
            names = {moment.game.spec.actions.names[action] for action in moment.game.legal(seat)}
            assert names == {move.uci() for move in theirs.legal_moves}


@pytest.mark.parametrize(("move", "piece"), [("b7a8q", "Q"), ("b7a8n", "N"), ("bxa8=R", "R")])
def test_a_pawn_becomes_the_piece_that_is_said(board, move, piece):
    follow(board, "a2a4", "b7b5", "a4b5", "a7a6", "b5a6", "c8b7", "a6b7", "h7h6", move)
    assert board.driver.env.unwrapped.board.piece_at(chess.A8) == chess.Piece.from_symbol(piece)


def test_standard_notation_is_taken_too(board):
    assert board.spec.actions.names[board.parse(0, "Nf3").action] == "g1f3"


@pytest.mark.parametrize("answer", ["Nf6", "e9", "e2 e4", "pass"])
def test_what_is_no_move_is_unparsable(board, answer):
    with pytest.raises(UnparsableAnswerError):
        board.parse(0, answer)


def test_a_move_that_breaks_the_rules_is_illegal(board):
    with pytest.raises(IllegalActionError, match="e7e5 is not legal"):
        board.parse(0, "e7e5")


def test_mate_ends_the_match(board):
    result = follow(board, "f2f3", "e7e5", "g2g4", "d8h4")
    assert (result.ended, result.returns) == ("terminated", (-1.0, 1.0))


def test_hanabi_is_lost_together():
    game = make("hanabi_v5(players=3)")(3)
    game.reset(seed(0))
    assert len(set(game.forfeit(0).returns)) == 1


def test_max_ticks_truncates():
    game = make("chess_v6")(2, {"max_ticks": 3})
    result = list(played(game, 0, 10))[-1].result
    assert (result.ended, game.spec.horizon) == ("truncated", 3)
