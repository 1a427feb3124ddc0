"""PettingZoo environments through the conformance suite."""

from __future__ import annotations

from arena.testing.game_suite import GameSuite
from arena_games.adapters.zoo import make


class Zoo(GameSuite):
    what = ""
    matches = 2
    ticks = 10

    def game(self, seats, options):
        return make(self.what)(seats, options)


def suite(what, **facts):
    return type("TestSuite", (Zoo,), {"what": what, **facts})


TestChess = suite("chess_v6", matches=1, ticks=5, zero_sum=True, options=({"max_ticks": 30},))
TestTicTacToe = suite("tictactoe_v3", zero_sum=True)
TestConnectFour = suite("connect_four_v3", zero_sum=True)
TestHanabi = suite("hanabi_v5")
TestLeduc = suite("leduc_holdem_v4", zero_sum=True)
TestTexas = suite("texas_holdem_v4", zero_sum=True)
TestTexasForThree = suite("texas_holdem_v4(num_players=3)", zero_sum=True)
TestNoLimit = suite("texas_holdem_no_limit_v6", zero_sum=True)
TestGo = suite("go_v5(board_size=5)", zero_sum=True)
TestParallel = suite("rps_v2(max_cycles=5)", zero_sum=True)
