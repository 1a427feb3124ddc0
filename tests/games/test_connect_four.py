"""ConnectFour conforms."""

from arena.testing.game_suite import GameSuite
from games.connect_four.rules import ConnectFour


class TestConnectFour(GameSuite):
    options = ({}, {"opening": 6})
    zero_sum = True

    def game(self, seats, options):
        return ConnectFour(seats, options)
