"""Connect four conforms, and its search sees what the engine sees."""

import numpy as np

from arena.canonical import generator
from arena.game import Move
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena_games.connect_four import search
from arena_games.connect_four.rules import ConnectFour
from arena_games.connect_four.teacher import lessons


class TestConnectFour(GameSuite):
    options = ({}, {"opening": 6})
    zero_sum = True

    def game(self, seats, options):
        return ConnectFour(seats, options)


def positions(matches):
    """Random positions: the game, and the columns played so far."""
    chance = generator(seed(0))
    for number in range(matches):
        game = ConnectFour(2)
        result = game.reset(seed(number))
        while result.ended == "none":
            yield game, [column for _, column in game.hand.log]
            result = game.step({result.due[0]: Move(int(chance.choice(game.legal(result.due[0]))))})


def test_the_search_finds_exactly_the_wins_of_the_engine():
    for game, columns in positions(30):
        winning = [
            column
            for column in game.legal(game.due_seat)
            if game.hand.state.child(column).is_terminal() and any(game.hand.state.child(column).returns())
        ]
        assert search.wins(search.board(columns)) == winning


def test_the_search_knows_the_legal_columns():
    for game, columns in positions(10):
        assert sorted(search.moves(search.board(columns))) == list(game.legal(game.due_seat))


def plain(columns, depth):
    """The value of a position without pruning or heuristics: 1 won, -1 lost, 0 unknown, so many plies deep."""
    at = search.board(columns)
    if search.wins(at):
        return 1
    if depth == 0 or not search.moves(at):
        return 0
    return max(-plain([*columns, column], depth - 1) for column in search.moves(at))


def test_the_search_agrees_with_plain_minimax_on_forced_wins():
    for _, columns in list(positions(12))[::5]:
        value = search.value(search.board(columns), 3)
        assert (value > search.WIN // 2) - (value < -search.WIN // 2) == plain(columns, 3)


def test_an_opening_is_not_won_and_differs_by_seed():
    starts = set()
    for number in range(20):
        game = ConnectFour(2, {"opening": 12})
        game.reset(seed(number))
        assert not game.line()
        starts.add(game.rows())
    assert len(starts) > 15


def test_the_line_is_found_when_somebody_won():
    found = 0
    for number in range(20):
        game = ConnectFour(2)
        result = game.reset(seed(number))
        chance = generator(seed(number))
        while result.ended == "none":
            assert not game.line()
            result = game.step({result.due[0]: Move(int(chance.choice(game.legal(result.due[0]))))})
        assert len(game.line()) == (4 if any(result.returns) else 0)
        found += any(result.returns)
    assert found


def test_lessons_name_wins_and_threats():
    chance = np.random.default_rng(0)
    for _ in range(6):
        for lesson in lessons(chance):
            at = search.board(
                int(column) - 1 for column in lesson.observation.facts["history"].split() if column != "none"
            )
            assert ("I can win" in lesson.thought) == bool(search.wins(at))
            if search.wins(at):
                assert lesson.answer in lesson.thought
