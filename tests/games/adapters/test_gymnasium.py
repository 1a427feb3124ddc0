"""Gymnasium environments, as lanes, through the conformance suite."""

from __future__ import annotations

from arena.testing.game_suite import GameSuite
from arena_games.adapters.gym import make


class Lanes(GameSuite):
    what = ""
    matches = 2
    ticks = 6

    def game(self, seats, options):
        if seats > 3 and seats <= 16:
            seats = 3  # sixteen lanes are three lanes and thirteen more
        return make(self.what)(seats, options)


def suite(what, **facts):
    return type("TestSuite", (Lanes,), {"what": what, **facts})


TestCartPole = suite("CartPole-v1", options=({"max_ticks": 20},))
TestFrozenLake = suite("FrozenLake-v1(map_name=8x8)", options=({"max_ticks": 20},))
TestTaxi = suite("Taxi-v4", options=({"max_ticks": 20},))
TestBlackjack = suite("Blackjack-v1", matches=4)
