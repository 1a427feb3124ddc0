"""What taking the luck of the cards out is worth: the variance of a return over that of a return less its luck.

    python -m scripts.eval.luck [MATCHES]

Of a match, and of a block, in which mirrored deals take out luck already. A factor of 4 saves three quarters of the
matches.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from arena.analysis.differences import block_means
from arena.analysis.exact import read_exact, without_luck
from arena.analysis.outcomes import Outcomes, read_outcomes
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from scripts.eval.mirrored import PAIRS

GAMES = ("kuhn@seats=2", "leduc@seats=2", "holdem@seats=2@hands=1")


def variances(outcomes: Outcomes) -> tuple[float, float]:
    """Of the first operator: of a match in the first seat, and of a block's mean."""
    return (
        float(outcomes.returns[outcomes.lineup[:, 0] == 0, 0].var(ddof=1)),
        float(block_means(outcomes)[:, 0].var(ddof=1)),
    )


def main(argv: Sequence[str]) -> int:
    matches = int(argv[0]) if argv else 1000
    print("| game | operators | a match | a mirrored block |\n| --- | --- | --- | --- |")
    for game in GAMES:
        for pair in PAIRS:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "run"
                run_plan(build_plan(game, pair, seed=1, matches=matches), out, concurrency=64)
                raw = read_outcomes(Run(out))
                fair = without_luck(raw, 0, read_exact(Run(out), raw))
                assert fair is not None
                match, block = (one / other for one, other in zip(variances(raw), variances(fair), strict=True))
                print(f"| {game} | {pair[0]} against {pair[1]} | {match:.2f} | {block:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
