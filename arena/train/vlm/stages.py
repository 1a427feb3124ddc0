"""Which of two stages of a game is trained: clues or votes. Iterative-SPO of Vision-Zero (2509.25541).

While one is trained, the other holds still: good votes make the rewards of clues mean something, and clues that have
become too good for the voters are a reason to train votes again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from arena.train.vlm.hindsight import Stage
from arena.train.vlm.rows import Row

Alternation = Literal["adaptive", "fixed"]
OTHER: dict[Stage, Stage] = {"clues": "votes", "votes": "clues"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSwitcher:
    """A value: `step` gives the next one, and `stage` is what the coming update trains. All of it is JSON-able.

    adaptive: votes -> clues once voters are right (accuracy >= right, n/a <= sure); clues -> votes once they are wrong
    (1 - accuracy >= wrong, or n/a >= unsure); by moving averages, after at least `least` and at most `most` updates of
    a stage. fixed: every `least` updates. Votes come first: clues are rewarded by votes.
    """

    alternation: Alternation = "adaptive"
    stage: Stage = "votes"
    decay: float = 0.95  # of the moving averages
    right: float = 0.9
    sure: float = 0.1
    wrong: float = 0.4
    unsure: float = 0.5
    least: int = 5  # updates of a stage; fixed: 1 is what Vision-Zero's released code does
    most: int = 20
    # What has been heard.
    updates: int = 0  # of this stage
    heard: int = 0  # in all
    accuracy: float = 0.0  # moving averages from 0, not yet corrected
    na: float = 0.0

    def step(self, accuracy: float, na: float) -> StageSwitcher:
        """After an update, with its shares of right votes and of "n/a" among all votes. ValueError outside [0, 1]."""
        if not (0 <= accuracy <= 1 and 0 <= na <= 1):
            raise ValueError(f"accuracy={accuracy}, na={na}: expected shares from 0 to 1")
        after = replace(
            self,
            updates=self.updates + 1,
            heard=self.heard + 1,
            accuracy=self.decay * self.accuracy + (1 - self.decay) * accuracy,
            na=self.decay * self.na + (1 - self.decay) * na,
        )
        return replace(after, stage=OTHER[self.stage], updates=0) if after._is_over() else after

    def averages(self) -> tuple[float, float]:
        """(accuracy, n/a), corrected for their start at 0; that alone would take 45 perfect updates to reach 0.9."""
        share = 1 - self.decay**self.heard
        return (self.accuracy / share, self.na / share) if self.heard else (0.0, 0.0)

    def _is_over(self) -> bool:
        if self.updates < self.least:
            return False
        if self.alternation == "fixed" or self.updates >= self.most:
            return True
        accuracy, na = self.averages()
        if self.stage == "votes":
            return accuracy >= self.right and na <= self.sure
        return 1 - accuracy >= self.wrong or na >= self.unsure


def only(rows: Sequence[Row], stage: Stage, of: Callable[[Row], Stage | None]) -> list[Row]:
    """The rows, of which those of this stage alone are learnt from. `of`: a row's stage; None: it has none."""
    return [row if of(row) == stage else replace(row, trainable=False) for row in rows]
