"""Finds actions that clear a stage, by beam search with saved states, and writes them as a prefix file (`@from=`).

Run it with the interpreter of the runtime `mario`, from the repository's root:
    PYTHON -m scripts.mario.solve 1-1 --out arena_games/mario/solutions/1-1.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from arena_games.lanes.actions import MACRO
from arena_games.mario.lane import MarioLane

TRIED = ("right run", "right run jump", "right", "right jump", "stay", "left")
SKIP = 8


def solve(stage: str, width: int, longest: int) -> list[str]:
    """Names of macro actions that clear the stage from its start. RuntimeError when the beam does not find any."""
    lane = MarioLane(stage)
    lane.begin()
    beam: list[tuple[list[str], Any]] = [([], lane.save())]
    for depth in range(longest):
        found: dict[tuple[int, ...], tuple[float, list[str], Any]] = {}
        for names, saved in beam:
            for name in TRIED:
                lane.load(saved)
                lane.hold(int(MACRO[name]), SKIP)
                now = lane.now
                if now.over == "flag":
                    return [*names, name]
                if now.over is not None:
                    continue
                where = (now.x // 4, now.y // 4, int(now.grounded))
                if where not in found:
                    found[where] = (now.x, [*names, name], lane.save())
        if not found:
            raise RuntimeError(f"{stage}: every path of {width} dies within {depth + 1} decisions; widen the beam")
        best = sorted(found.values(), key=lambda one: -one[0])[:width]
        beam = [(names, saved) for _, names, saved in best]
        if depth % 20 == 0:
            print(f"{depth} decisions: x {best[-1][0]} to {best[0][0]}", flush=True)
    raise RuntimeError(f"{stage}: not cleared within {longest} decisions")


def main() -> None:
    """Solve the stage that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--longest", type=int, default=400)
    given = parser.parse_args()
    names = solve(given.stage, given.width, given.longest)
    given.out.write_text(json.dumps({"actions": "macro", "skip": SKIP, "names": names}) + "\n", encoding="utf-8")
    print(f"{given.stage} is cleared by {len(names)} decisions: {given.out}")


if __name__ == "__main__":
    main()
