"""Finds which candidate of each level can be finished: arena_games/sidescroller/candidates.json. It takes ten minutes.

Run it again when the rules, the search or the parts of levels change; tests/games/test_sidescroller.py checks some.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from arena_games.sidescroller.level import CANDIDATES, SETS, build, can_be_finished, own_difficulty

OUT = Path(__file__).parents[1] / "arena_games" / "sidescroller" / "candidates.json"


def first(number: int) -> int:
    """The first candidate that can be finished."""
    made = (build(number, own_difficulty(number), candidate) for candidate in range(CANDIDATES))
    return next(candidate for candidate, one in enumerate(made) if can_be_finished(one))


def main(out: Path = OUT) -> None:
    numbers = [number for numbers in SETS.values() for number in numbers]
    found = defaultdict(list)
    with ProcessPoolExecutor() as pool:
        for number, candidate in zip(numbers, pool.map(first, numbers, chunksize=50), strict=True):
            if candidate:
                found[candidate].append(number)
    lines = (f' "{candidate}": {json.dumps(found[candidate])}' for candidate in sorted(found))
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
