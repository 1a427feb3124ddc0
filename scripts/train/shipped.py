"""Measures nano as it ships on the 100 held-out levels of the sidescroller, and says whether the docs' figures hold.

    python -m scripts.train.shipped                              # minutes on one core
    python -m scripts.train.shipped --operator vlm@adapter=DIR   # an adapter, or any other operator, beside the others
    python -m scripts.train.shipped --write                      # what ships has changed: the figures are these now

Everybody plays the same levels, alone. Figures are pixels: mean and 95% interval over levels, and differences level by
level. What the docs claim stands in docs/results/heldout.json, level by level. Where products have the same bits as on
the machine that it was made on, all is repeated to the pixel. Elsewhere a model draws other samples: its figure agrees
if the mean difference by level is not clear of zero, at 95% for all operators together (Bonferroni), so that what holds
is called wrong in one of twenty checks at most. `scripted` leaves nothing to chance, so where it goes another way
the levels or the game are other ones. Exit code 1 if a figure does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist

from arena.errors import ArenaError, InputError
from arena.evaluate.intervals import mean_interval
from scripts.ppo.evaluate import lanes

CLAIMS = Path(__file__).parents[2] / "docs" / "results" / "heldout.json"
GAME, LEVELS, SEED = "sidescroller@set=heldout", 100, 1
SHIPPED = ("vlm:nano", "vlm:nano@adapter=sidescroller", "vlm:nano-sidescroller", "scripted", "ppo", "random")
FIXED = "scripted"  # its answers follow from what it sees
DRAWN = sum(who != FIXED for who in SHIPPED)
JOINT = NormalDist().inv_cdf(1 - 0.025 / DRAWN) / NormalDist().inv_cdf(0.975)  # an interval's width for all of these
Spread = tuple[float, float, float]  # mean, and the ends of its interval
Pixels = Mapping[str, Sequence[float]]  # of each operator, by level


def claims(file: Path) -> dict[str, list[float]]:
    """The docs' figures. InputError where an operator that ships has none."""
    found: dict[str, list[float]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    missing = [who for who in SHIPPED if len(found.get(who, ())) != LEVELS]
    if missing:
        raise InputError(f"{file} lacks {LEVELS} levels of {', '.join(missing)}: measure what ships with --write")
    return found


def spread(values: Sequence[float]) -> Spread:
    """Mean and 95% t-interval."""
    low, high = mean_interval(values)
    if low is None or high is None:
        raise InputError(f"an interval needs two levels or more, not {len(values)}")
    return sum(values) / len(values), low, high


def judged(who: str, measured: Sequence[float], claimed: Sequence[float]) -> str:
    """What a measurement says of a claim: "the same", "agrees", or in capitals what is wrong."""
    if list(measured) == list(claimed):
        return "the same"
    if who == FIXED:
        return "OTHER LEVELS"
    mean, low, high = spread([a - b for a, b in zip(measured, claimed, strict=True)])
    return "agrees" if abs(mean) <= JOINT * (high - low) / 2 else "DISAGREES"


def table(pixels: Pixels, claimed: Pixels) -> tuple[list[str], bool]:
    """Sentences, and whether every claim holds."""
    out, holds = [f"{'operator':40} {'measured':24} {'docs':24}"], True
    for who, far in pixels.items():
        said = judged(who, far, claimed[who]) if who in claimed else ""
        holds = holds and not said.isupper()
        docs = shown(spread(claimed[who])) if said else "none"
        out.append(f"{who:40} {shown(spread(far)):24} {docs:24} {said}".strip())
    out += ["", "level by level"]
    for at, who in enumerate(pixels):
        for other in list(pixels)[at + 1 :]:
            less = [a - b for a, b in zip(pixels[who], pixels[other], strict=True)]
            out.append(f"{who} less {other}: {shown(spread(less))}")
    return out, holds


def shown(of: Spread) -> str:
    """1,003 [858, 1,148]"""
    return f"{of[0]:,.0f} [{of[1]:,.0f}, {of[2]:,.0f}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operator", action="append", default=[], help="beside those that ship; put first")
    parser.add_argument("--write", action="store_true", help="the docs' figures of what ships are what is measured")
    given = parser.parse_args()
    try:
        claimed = {} if given.write else claims(CLAIMS)
        named = dict.fromkeys((*given.operator, *SHIPPED))
        pixels: dict[str, list[float]] = {}
        for number, who in enumerate(named, 1):
            print(f"{who} ({number} of {len(named)}): {LEVELS} levels", file=sys.stderr, flush=True)
            pixels[who] = [one.distance for one in lanes(GAME, who, LEVELS, SEED)]
        out, holds = table(pixels, claimed)
    except ArenaError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped: nothing is kept of it", file=sys.stderr)
        return 130
    print("\n".join(out))
    if given.write:
        CLAIMS.write_text(json.dumps({who: pixels[who] for who in SHIPPED}) + "\n", encoding="utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
