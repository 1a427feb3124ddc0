"""Do the intervals of an evaluation cover the truth? Leagues of known strengths, played and analysed many times.

    python -m scripts.eval.simulate [--leagues 500] [--blocks 25] [--out docs/results/coverage.json]

Of each kind of league: the share of 95% intervals of differences and of ratings that hold the true value, how often two
equal operators are called different, and how often the always-valid interval, looked at after every block, ever misses.
The true values are those of one league of very many blocks.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from arena.analysis.differences import block_means, differences
from arena.analysis.ratings import comparisons, fit, why_not
from arena.analysis.resample import Resampler
from arena.evaluate.sequences import Sequence
from scripts.eval.leagues import league

STRENGTHS = (0.6, 0.2, 0.0, 0.0, -0.4)  # the third and the fourth are twins
TWINS = (2, 3)
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no ties, strong seat": {"ties": 0.0, "seat": 0.6},
    "unequal noise": {"noise": (0.3, 1.0, 1.0, 1.0, 3.0)},
    "cut blocks": {"cut": 7},
    "unresolved matches": {"unresolved": 0.1},
}
MANY = 4000  # blocks of the league whose values are taken for the truth


def measured(kind: str, leagues: int, blocks: int) -> dict[str, float]:
    """The shares of one kind."""
    how = KINDS[kind]
    large = league(STRENGTHS, MANY, seed=1_000_000, **{**how, "cut": 0, "unresolved": 0.0})
    true = {(one.one, one.other): one.difference or 0.0 for one in differences(large, Resampler(0))}
    strengths = fit(comparisons(large), Resampler(0)).strengths
    twins = (f"op{TWINS[0]}", f"op{TWINS[1]}")
    true[twins] = 0.0
    held, rated, differ, ever = [], [], [], []
    for seed in range(leagues):
        found = league(STRENGTHS, blocks, seed=seed, **how)
        draw = Resampler(seed)
        for pair in differences(found, draw):
            if pair.low is not None and pair.high is not None:
                held.append(pair.low <= true[pair.one, pair.other] <= pair.high)
            if (pair.one, pair.other) == twins:
                differ.append(pair.p is not None and pair.p < 0.05)
        counted = comparisons(found)
        if why_not(counted, found.operators) is None:
            replicates = fit(counted, draw).replicates
            gaps = replicates - replicates[:, :1]
            low, high = np.quantile(gaps, (0.025, 0.975), axis=0)
            wanted = strengths - strengths[0]
            rated += ((low <= wanted) & (wanted <= high))[1:].tolist()
        ever.append(_ever_missed(found, true["op0", "op1"]))
    shares = {"differences": held, "ratings": rated, "twins differ": differ, "always-valid misses": ever}
    return {name: round(float(np.mean(values)), 4) for name, values in shares.items()}


def _ever_missed(found: Any, true: float) -> bool:
    """Of the difference of the first two, whose blocks are looked at one after the other."""
    means = block_means(found)
    both = ~np.isnan(means[:, 0]) & ~np.isnan(means[:, 1])
    interval = Sequence((-2.0, 2.0))
    for value in means[both, 0] - means[both, 1]:
        interval.add(float(value))
        if not interval.interval[0] <= true <= interval.interval[1]:
            return True
    return False


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leagues", type=int, default=500)
    parser.add_argument("--blocks", type=int, default=25)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = {}
    for kind in KINDS:
        found[kind] = measured(kind, given.leagues, given.blocks)
        print(kind, found[kind], flush=True)
    if given.out is not None:
        result = {"leagues": given.leagues, "blocks": given.blocks, "strengths": STRENGTHS, "shares": found}
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
