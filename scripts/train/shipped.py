"""Measures nano as it ships on the 100 held-out levels of the sidescroller, and says whether the docs' figures hold.

    python -m scripts.train.shipped                              # minutes on one core
    python -m scripts.train.shipped --operator vlm@adapter=DIR   # an adapter, or any other operator, beside the others

Everybody plays the same levels, alone. Figures are pixels: mean and 95% interval over levels, and differences level by
level. The docs' figures are read from docs/benchmarks.md. On a machine whose products have the same bits as the one
they were made on they are repeated to the pixel; elsewhere other samples are drawn, and a figure agrees if it is in the
interval that is measured. Exit code 1 if one does not.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from arena.errors import ArenaError, InputError
from arena.evaluate.intervals import mean_interval
from scripts.ppo.evaluate import lanes

DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"
LEVELS, SEED = 100, 1
SHIPPED = ("vlm", "scripted", "ppo")
ROW = re.compile(r"\| sidescroller \| 100 held-out levels \| (\S+) \| ([\d,]+) \[([\d,]+), ([\d,]+)\] \|")
Spread = tuple[float, float, float]  # mean, and the ends of its interval


def claims(text: str) -> dict[str, Spread]:
    """The docs' figures by operator. InputError where they have none of an operator that ships."""
    found = {who: tuple(float(one.replace(",", "")) for one in numbers) for who, *numbers in ROW.findall(text)}
    if missing := [who for who in SHIPPED if who not in found]:
        raise InputError(
            f"{DOCS} has no row of {', '.join(missing)} on 100 held-out levels of the sidescroller: expected "
            f"| sidescroller | 100 held-out levels | {missing[0]} | MEAN [LOW, HIGH] |"
        )
    return {who: (mean, low, high) for who, (mean, low, high) in found.items()}


def spread(values: Sequence[float]) -> Spread:
    """Mean and 95% t-interval."""
    low, high = mean_interval(values)
    if low is None or high is None:
        raise InputError(f"an interval needs two levels or more, not {len(values)}")
    return sum(values) / len(values), low, high


def judged(measured: Spread, claimed: Spread) -> str:
    """What a measurement says of a claim."""
    if [round(one) for one in measured] == [round(one) for one in claimed]:
        return "the same"
    return "agrees" if measured[1] <= claimed[0] <= measured[2] else "DISAGREES"


def table(pixels: Mapping[str, Sequence[float]], claimed: Mapping[str, Spread]) -> tuple[list[str], bool]:
    """Sentences, and whether every claim holds."""
    out, holds = [f"{'operator':40} {'measured':24} {'docs/benchmarks.md':24}"], True
    for who, far in pixels.items():
        said = "" if who not in claimed else judged(spread(far), claimed[who])
        holds = holds and said != "DISAGREES"
        out.append(
            f"{who:40} {_shown(spread(far)):24} {_shown(claimed[who]) if said else 'not there':24} {said}".strip()
        )
    first, *others = pixels
    for other in others:
        less = spread([a - b for a, b in zip(pixels[first], pixels[other], strict=True)])
        out.append(f"{first} less {other}, level by level: {_shown(less)}")
    return out, holds


def _shown(of: Spread) -> str:
    return f"{of[0]:,.0f} [{of[1]:,.0f}, {of[2]:,.0f}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operator", action="append", default=[], help="beside those that ship; put first")
    given = parser.parse_args()
    try:
        claimed = claims(DOCS.read_text())
        named = dict.fromkeys((*given.operator, *SHIPPED))
        pixels = {who: [one.distance for one in lanes("sidescroller@set=heldout", who, LEVELS, SEED)] for who in named}
        out, holds = table(pixels, claimed)
    except ArenaError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(out))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
