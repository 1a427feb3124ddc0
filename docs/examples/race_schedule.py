"""A schedule that hears results: whoever is ahead stays on, and the match-up ends once it is clear who is better.

arena play --game leduc@seats=2 --operators scripted,random,random --schedule ./race_schedule.py:KingOfTheHill
"""

from typing import ClassVar

from arena.options import Option
from arena.plan import HEAR, Block, BlockIterator, Schedule


class KingOfTheHill(Schedule):
    """The first of the pool meets the others in turn. Whoever leads by `gap` stays on, and meets the next."""

    hears = True
    options: ClassVar = {"gap": Option("float", 5.0, "lead that decides, in the game's unit", 0.0)}

    def blocks(self, first: int = 0) -> BlockIterator:
        king = 0
        for challenger in range(1, self.setting.operators):
            lead = 0.0
            while abs(lead) < self.values["gap"]:
                for _ in range(4):  # four blocks may be in play at once
                    yield Block(game=0, lineup=(king, challenger))
                for _ in range(4):
                    results = yield HEAR
                    lead += sum(result.of(king) - result.of(challenger) for result in results)
            king = king if lead > 0 else challenger
