"""What an update of `arena train sft` takes, to one whose passes are filled up with copies, as in the trainer of play.

    python scripts/bench/supervised.py [--rounds 5]

nano learns lessons of three card games with all weights, in both ways in turn, in one process on one thread. Processor
time of gradient and step, medians of the rounds; the first round is left out.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from arena.train.vlm import sft, sft_sources
from arena.train.vlm.examples import Album, chosen
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.sft_config import SftConfig, source

BATCHES = (8, 16, 64)
GAMES = ("leduc", "kuhn", "holdem")
LESSONS = 200


def main(rounds: int, out: Path) -> dict[int, dict[bool, float]]:
    """Seconds of an update, by examples of a batch, and by whether passes are filled up."""
    sources = tuple(source("teacher", f"{game}@lessons={LESSONS}@shard={LESSONS}") for game in GAMES)
    config = SftConfig(model="vlm", out=str(out), sources=sources, held_out=0)
    usual = sft.of_engine(config)
    engines = {filled: LocalEngine(config.model, out, replace(usual, fixed=filled)) for filled in (True, False)}
    album = Album()
    pools, _ = sft_sources.load(config, sft.reads(engines[False].learner), album)
    shares = sft_sources.weights_of(config, pools)
    found = {}
    for batch in BATCHES:
        taken: dict[bool, list[float]] = {filled: [] for filled in engines}
        for number in range(rounds + 1):
            examples = sft.data(chosen(pools, shares, batch, config.seed, number), (1.0, 1.0, 1.0), album)
            for filled, engine in engines.items():
                begun = time.process_time()
                sft.update(engine, examples, config, 0)
                if number:
                    taken[filled].append(time.process_time() - begun)
        found[batch] = {filled: statistics.median(each) for filled, each in taken.items()}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for batch, each in main(given.rounds, Path(folder)).items():
            plain, filled = each[False], each[True]
            print(f"batch {batch}: {plain:.2f} s, filled up {filled:.2f} s, {filled / plain:.2f} times as long")
