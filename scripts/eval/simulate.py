"""Do the intervals of an evaluation cover the truth? Leagues of known strengths, played and analysed many times.

    python -m scripts.eval.simulate [--leagues 500] [--blocks 25 2 4 8 12] [--out docs/results/coverage.json]
    python -m scripts.eval.simulate --middles --out docs/results/coverage.json

Of each kind of league: the share of 95% intervals of differences, of ratings and of interquartile means that hold the
true value, how often two equal operators are called different, and how often the always-valid interval, looked at after
every block, ever misses. With the first number of blocks all kinds are played, with the others the plain one.
The true values of differences and ratings are those of one league of very many blocks; of interquartile means they are
computed: what a large league has is one standard error of its own from them, which moved a share by a point. With
--middles only interquartile means are measured anew; the rest of the file stays.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from arena.analysis.differences import block_means, differences
from arena.analysis.middle import blocks_of, interquartile_mean
from arena.analysis.ratings import ELO, comparisons, fit, interval
from arena.analysis.resample import Resampler
from arena.evaluate.sequences import Sequence
from scripts.eval.leagues import league
from scripts.eval.truths import middle

STRENGTHS = (0.6, 0.2, 0.0, 0.0, -0.4)  # the third and the fourth are twins
TWINS = (2, 3)
ENDS = (4, 0)  # whose scores are 0 and 1 of the interquartile mean
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no ties, strong seat": {"ties": 0.0, "seat": (0.6,)},
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
    strengths = fit(comparisons(large), Resampler(0), zero=0, prior=0.0).strengths
    twins = (f"op{TWINS[0]}", f"op{TWINS[1]}")
    true[twins] = 0.0
    held, rated, differ, ever, widths = [], [], [], [], []
    for seed in range(leagues):
        found = league(STRENGTHS, blocks, seed=seed, **how)
        draw = Resampler(seed)
        for pair in differences(found, draw):
            if pair.low is not None and pair.high is not None:
                held.append(pair.low <= true[pair.one, pair.other] <= pair.high)
            if (pair.one, pair.other) == twins:
                differ.append(pair.p is not None and pair.p < 0.05)
        fitted = fit(comparisons(found), draw, zero=0)
        for who in range(1, len(STRENGTHS)):
            low, high = interval(fitted.strengths[who], fitted.draws[:, who], fitted.blocks[who]) or (0.0, 0.0)
            rated.append(low <= strengths[who] <= high)
            widths.append((high - low) * ELO)
        ever.append(_ever_missed(found, true["op0", "op1"]))
    shares = {
        "differences": held,
        "ratings": rated,
        "twins differ": differ,
        "always-valid misses": ever,
    }
    out = {name: round(float(np.mean(values)), 4) for name, values in shares.items()}
    return out | {"width of a rating": round(float(np.median(widths)), 2)}


def middles(kind: str, leagues: int, blocks: int) -> dict[str, float]:
    """Of the third's interquartile means: shares, widths, and how many leagues gave no interval."""
    how = KINDS[kind]
    complete = {name: value for name, value in how.items() if name not in ("cut", "unresolved")}
    true = middle(STRENGTHS, 2, *ENDS, **complete)
    below, above, widths = 0, 0, []
    for seed in range(leagues):
        found = blocks_of(league(STRENGTHS, blocks, seed=seed, **how))
        _, low, high = interquartile_mean([found], 2, *ENDS) or (0.0, None, None)
        if low is not None and high is not None:
            below, above = below + (true < low), above + (true > high)
            widths.append(high - low)
    count = max(1, len(widths))
    return {
        "middles": round(1 - (below + above) / count, 4),
        "middles, truth below": round(below / count, 4),
        "middles, truth above": round(above / count, 4),
        "middles without an interval": round(1 - len(widths) / leagues, 4),
        "width of a middle": round(float(np.median(widths)), 2),
        "mean width of a middle": round(float(np.mean(widths)), 2),
    }


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
    parser.add_argument("--blocks", type=int, nargs="+", default=[25, 2, 4, 8, 12])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--middles", action="store_true", help="interquartile means only, into what --out has")
    given = parser.parse_args()
    found: dict[str, dict[str, dict[str, float]]] = {}
    if given.middles:
        if given.out is None or not given.out.is_file():
            parser.error("--middles needs an --out that is there")
        found = json.loads(given.out.read_text(encoding="utf-8"))["shares by blocks"]
    for blocks in given.blocks:
        for kind in KINDS if blocks == given.blocks[0] else ["plain"]:
            new = {} if given.middles else measured(kind, given.leagues, blocks)
            new |= middles(kind, given.leagues, blocks)
            found.setdefault(str(blocks), {}).setdefault(kind, {}).update(new)
            print(blocks, kind, new, flush=True)
    if given.out is not None:
        result = {"leagues": given.leagues, "strengths": STRENGTHS, "shares by blocks": found}
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
