"""Kuhn conforms."""

from arena.testing.game_suite import GameSuite
from games.kuhn.rules import Kuhn


class TestKuhn(GameSuite):
    options = ({}, {"hands": 3})
    zero_sum = True

    def game(self, seats, options):
        return Kuhn(seats, options)
