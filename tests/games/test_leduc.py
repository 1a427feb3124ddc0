"""Leduc conforms."""

from arena.testing.game_suite import GameSuite
from games.leduc.rules import Leduc


class TestLeduc(GameSuite):
    options = ({}, {"hands": 3})
    zero_sum = True

    def game(self, seats, options):
        return Leduc(seats, options)
