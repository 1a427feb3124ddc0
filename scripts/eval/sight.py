"""What a model writes of the things in spy's scenes, against what is there: by kind, where it names the right cell.

    python -m scripts.eval.sight work/taught/spy --operator vlm:nano-games --matches 120

Counts what stands before "So:" in its thoughts, in the words that lessons in seeing teach (docs/spy-pictures.md).
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain, islice
from pathlib import Path

from arena.game import Game
from arena.log import MatchLine, TurnLine
from arena.plugins import game_class
from arena.record.reader import Run
from arena_games.spy.pictures.lessons import looked
from arena_games.spy.pictures.scene import ATTRIBUTES, Scene
from arena_games.spy.rules import Spy

THING = re.compile(r"\b([a-h][1-8]) (\w+) (\w+) (\w+) (\w+)")
ORDER = ("size", "colour", "material", "shape")  # as they are said


def things(said: str) -> dict[str, tuple[str, ...]]:
    """By cell, what is said to be there, in ORDER."""
    return {cell: tuple(words) for cell, *words in THING.findall(said.partition("So:")[0])}


def compared(said: str, graph: Scene) -> Counter[str]:
    """How many things there are, are named, are named in a cell where one is, and are right there by kind."""
    there, named = things(looked(graph)), things(said)
    out = Counter(there=len(there), named=len(named))
    for cell in there.keys() & named.keys():
        out["found"] += 1
        out.update(kind for kind, mine, true in zip(ORDER, named[cell], there[cell], strict=True) if mine == true)
    return out


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Of the things that are there those found, of those named those that are there, of those found what is right."""
    whole = {"found": "there", "true": "named"} | dict.fromkeys(ATTRIBUTES, "found")
    of = {"true": "found"}
    return {name: round(counts[of.get(name, name)] / max(1, counts[part]), 3) for name, part in whole.items()}


def of_run(folder: Path, operator: str, matches: int) -> Counter[str]:
    """Over the turns of an operator in the first so many matches of a run."""
    run, out = Run(folder), Counter[str]()
    game: Game | None = None
    lines = chain.from_iterable(islice(run.played(), matches))
    for line in lines:
        if isinstance(line, MatchLine):
            made = game_class(line.game)
            game = made(len(line.seats), {name: value for name, value in line.options.items() if value is not None})
            game.reset(bytes.fromhex(line.seed))
        elif isinstance(line, TurnLine) and line.operator == operator and line.thought:
            assert isinstance(game, Spy)
            graph = game.pair.graphs[line.seat == game.spy]
            if isinstance(graph, Scene):
                out += compared(line.thought, graph)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--operator", default="vlm:nano-games")
    parser.add_argument("--matches", type=int, default=120)
    given = parser.parse_args()
    counts = of_run(given.run, given.operator, given.matches)
    print(json.dumps({"things": counts["there"], **shares(counts)}))


if __name__ == "__main__":
    main()
