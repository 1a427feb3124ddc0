"""Iterative-SPO of Vision-Zero (2509.25541) in a training: clues and votes are learnt in turn, each by its own reward.

`rewarded` gives clues and votes their rewards (spy.py), `advantages.spo` makes advantages of them, `masked` leaves the
turns of one stage trainable, and `heard` is what the switcher of stages (stages.py) goes by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from arena.errors import InputError
from arena.train.vlm.hindsight import Hindsight, Stage, of_game
from arena.train.vlm.rows import Row
from arena.train.vlm.spy import BETA, LAMBDA, clue_rewards, vote_rewards
from arena.train.vlm.stages import Alternation, StageSwitcher, only

ALGORITHM = "spo"
STAGES: tuple[Stage, ...] = ("votes", "clues")


@dataclass(frozen=True, kw_only=True)
class SpoConfig:
    """Of learn.algorithm="spo"; the published settings."""

    alternation: Alternation = "adaptive"
    beta: float = BETA  # of the clues' rewards, between the spy and the civilians
    lam: float = LAMBDA  # between civilians
    decay: float = 0.95  # the rest: see StageSwitcher
    right: float = 0.9
    sure: float = 0.1
    wrong: float = 0.4
    unsure: float = 0.5
    least: int = 5
    most: int = 20

    def check(self) -> None:
        """InputError for what makes no sense."""
        shares = ("right", "sure", "wrong", "unsure")
        for name in shares:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"spo.{name}={getattr(self, name)}: expected a share from 0 to 1")
        if not 0 <= self.decay < 1:
            raise InputError(f"spo.decay={self.decay}: expected 0 or more, and less than 1")
        if self.beta < 0 or self.lam < 0:
            raise InputError(f"spo.beta={self.beta}, spo.lam={self.lam}: expected 0 or more")
        if not 1 <= self.least <= self.most:
            raise InputError(f"spo.least={self.least}, spo.most={self.most}: expected 1 or more, and no more than most")

    def switcher(self) -> StageSwitcher:
        """Before the first update."""
        names = ("alternation", "decay", "right", "sure", "wrong", "unsure", "least", "most")
        return StageSwitcher(**{name: getattr(self, name) for name in names})


def check(levels: Sequence[str]) -> None:
    """InputError for a game that says of nobody who the spy was."""
    for given in levels:
        if of_game(given) is None:
            raise InputError(
                f"learn.algorithm={ALGORITHM} needs games with a spy, which say who it was (Game.deduction): "
                f"{given!r} does not"
            )


def rewarded(rows: Sequence[Row], how: SpoConfig, fault_reward: float = 0.0) -> list[Row]:
    """The rows with the rewards of their clues and votes; a row that is neither is not trainable.

    A clue has its seat's share of the vote that follows, which sums to zero over the players. `fault_reward` is added
    where a turn was not parsed.
    """
    out = []
    for row in rows:
        if row.hindsight is None:
            out.append(replace(row, reward=0.0, trainable=False))
        else:
            out.append(replace(row, reward=reward_of(row.hindsight, how) + (0.0 if row.parsed else fault_reward)))
    return out


def reward_of(one: Hindsight, how: SpoConfig) -> float:
    """Of a clue or a vote."""
    if one.stage == "votes":
        return float(vote_rewards([one.vote], one.spy)[0])
    return float(clue_rewards(one.votes, one.spy, one.players, how.beta, how.lam)[one.place])


def masked(rows: Sequence[Row], stage: Stage) -> list[Row]:
    """The rows, of which those of this stage alone are trainable."""
    return only(rows, stage, lambda row: row.hindsight.stage if row.hindsight is not None else None)


def heard(rows: Sequence[Row]) -> tuple[float, float] | None:
    """(accuracy, n/a): shares of right votes and of "n/a" among all votes; None without votes."""
    votes = [row.hindsight for row in rows if row.hindsight is not None and row.hindsight.stage == "votes"]
    if not votes:
        return None
    return float(np.mean([one.vote == one.spy for one in votes])), float(np.mean([one.vote is None for one in votes]))


def metrics(rows: Sequence[Row], switcher: StageSwitcher) -> dict[str, float]:
    """Of the rows as `rewarded` made them, and of the switcher of this update."""
    out = {"spo/stage": float(STAGES.index(switcher.stage)), "spo/stage_updates": float(switcher.updates)}
    if (shares := heard(rows)) is not None:
        out["spo/vote_accuracy"], out["spo/vote_na"] = shares
    out["spo/vote_accuracy_mean"], out["spo/vote_na_mean"] = switcher.averages()
    rewards, true = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for row in rows:
        if (one := row.hindsight) is None:
            continue
        rewards[f"spo/reward_{one.stage}/{one.role}"].append(row.reward)
        if one.true is not None:
            true[f"spo/clue_true/{one.role}"].append(float(one.true))
    return out | {name: float(np.mean(values)) for name, values in sorted((rewards | true).items())}
