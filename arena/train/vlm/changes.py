"""What a training changed at each game of its evaluations: its last one against its first, deal by deal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from arena.analysis.outcomes import read_outcomes
from arena.evaluate.intervals import mean_interval
from arena.record.given import titles
from arena.record.reader import Run
from arena.train.vlm.scored import EVALUATIONS, TRUE, figure, folder_of, interval, moment, true_shares


class Change(NamedTuple):
    """At one game, in its unit: means over the deals of both evaluations, and of the differences their 95% interval."""

    game: str
    before: float
    after: float
    low: float | None  # None: too few deals, or all differences are equal
    high: float | None

    @property
    def word(self) -> str:
        """Whether it is clear which way it went."""
        if self.low is None or self.high is None:
            return ""
        return "fell" if self.high < 0 else "rose" if self.low > 0 else ""


def between(out: Path, first: int, last: int) -> list[Change]:
    """The games of two evaluations of one training; without those that only one has, or that met other players."""
    newest = Run(folder_of(out, last))
    one, two = _scores(Run(folder_of(out, first))), _scores(newest)
    title = dict(zip(newest.head.plan.games, titles(newest.head.games), strict=True))
    made = []
    for key, before in one.items():
        deals = sorted(before.keys() & two.get(key, {}).keys())
        if deals:
            gains = [two[key][deal] - before[deal] for deal in deals]
            low, high = mean_interval(gains) if len({*gains}) > 1 else (None, None)
            began, ended = (float(np.mean([scores[deal] for deal in deals])) for scores in (before, two[key]))
            made.append(Change(title[key[0]], began, ended, low, high))
    return made


def _scores(run: Run) -> Mapping[tuple[str, ...], Mapping[int, float]]:
    """By game, and who else sat there, and of which seed: the trained operator's mean return by deal."""
    outcomes, plan = read_outcomes(run), run.head.plan
    by_game = {}
    for number, game in enumerate(run.head.games):
        mine, found = outcomes.of_game(number), defaultdict[int, list[float]](list)
        mine = mine.where(mine.resolved)
        for block, lineup, returns in zip(mine.block, mine.lineup, mine.returns, strict=True):
            found[int(block)] += [float(value) for value in returns[lineup == 0]]
        others = [one.given for one in game.operators[1:]]
        key = (plan.games[number], str(plan.seed), str(plan.mirror), *others)
        by_game[key] = {block: float(np.mean(values)) for block, values in found.items() if values}
    return by_game


def sentences(out: Path) -> list[str]:
    """A line a game of the first and the newest evaluation, and one of thoughts; none where there are not two."""
    updates = sorted(int(path.name) for path in (out / EVALUATIONS).glob("[0-9]*") if path.name.isdigit())
    done = [update for update in updates if (folder_of(out, update) / "results.json").is_file()]
    if len(done) < 2:
        return []
    lines = [_told(one, done[0], done[-1]) for one in between(out, done[0], done[-1])]
    shares = [(update, true_shares(out, update).get(TRUE)) for update in (done[0], done[-1])]
    if lines and all(share is not None for _, share in shares):
        lines.append(f"true statements: {', '.join(f'{share:.1%} {moment(update)}' for update, share in shares)}")
    return lines


def _told(one: Change, first: int, last: int) -> str:
    way = f": it {one.word}" if one.word else ""
    gained = f"{figure(one.after - one.before)} {interval(one.low, one.high)} deal by deal{way}"
    return f"{one.game}: {figure(one.before)} {moment(first)}, {figure(one.after)} {moment(last)}, {gained}"
