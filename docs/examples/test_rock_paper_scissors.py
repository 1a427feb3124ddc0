from rock_paper_scissors import RockPaperScissors

from arena.testing import GameSuite


class TestRockPaperScissors(GameSuite):
    cls = RockPaperScissors
