"""Hold'em conforms."""

from arena.testing.game_suite import GameSuite
from arena_games.holdem.rules import Holdem


class TestHoldem(GameSuite):
    options = ({}, {"hands": 2}, {"hands": 3, "talk": 40})
    zero_sum = True
    matches = 2
    ticks = 40

    def game(self, seats, options):
        return Holdem(seats, options)
