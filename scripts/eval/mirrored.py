"""What mirrored deals are worth: the variance of a mean over matches of independent deals, over that of mirrored ones.

    python -m scripts.eval.mirrored [MATCHES]

Both are of one run in which every deal is played from both seats. Independent deals would have the variance of the
returns within each seat; mirrored ones have that of the blocks' means. A factor of 1.5 saves a third of the matches.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arena.analysis.differences import block_means
from arena.analysis.outcomes import Outcomes, read_outcomes
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run

PAIRS = (("scripted", "random"), ("scripted", "scripted"))


def factor(outcomes: Outcomes) -> float:
    """Of whole blocks of two seats, for the first operator of the pool."""
    within = [outcomes.returns[outcomes.lineup[:, seat] == 0, seat].var(ddof=1) for seat in (0, 1)]
    return float(np.mean(within) / 2 / block_means(outcomes)[:, 0].var(ddof=1))


def main(argv: Sequence[str]) -> int:
    matches = int(argv[0]) if argv else 2000
    print("| game | operators | factor |\n| --- | --- | --- |")
    for game in ("leduc", "holdem"):
        for pair in PAIRS:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "run"
                run_plan(build_plan(f"{game}@seats=2", pair, seed=1, matches=matches), out, concurrency=64)
                print(f"| {game} | {pair[0]} against {pair[1]} | {factor(read_outcomes(Run(out)).of_game(0)):.2f} |")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
