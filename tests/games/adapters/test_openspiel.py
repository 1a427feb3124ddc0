"""OpenSpiel games through the conformance suite."""

from __future__ import annotations

from arena.testing.game_suite import GameSuite
from arena_games.adapters.openspiel import make


class Spiel(GameSuite):
    what = ""
    matches = 2
    ticks = 12

    def game(self, seats, options):
        return make(self.what)(seats, options)


def suite(what, **facts):
    return type("TestSuite", (Spiel,), {"what": what, **facts})


TestTicTacToe = suite("tic_tac_toe", zero_sum=True)
TestConnectFour = suite("connect_four", zero_sum=True)
TestBreakthrough = suite("breakthrough(rows=6,columns=6)", zero_sum=True)
TestGo = suite("go(board_size=5)", zero_sum=True)
TestHanabi = suite("hanabi")
TestGinRummy = suite("gin_rummy", zero_sum=True)
TestLiarsDice = suite("liars_dice", zero_sum=True)
TestGoofspiel = suite("goofspiel(num_cards=4)", zero_sum=True)
TestKuhn = suite("kuhn_poker(players=3)", zero_sum=True)
TestLeduc = suite("leduc_poker", zero_sum=True)
TestOhHell = suite("oh_hell")
TestBackgammon = suite("backgammon", zero_sum=True)
TestHearts = suite("hearts")
TestMatrix = suite("matrix_rps", zero_sum=True)
