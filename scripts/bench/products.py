"""What an update of nano takes in bfloat16 and in float32 on this machine, as a ratio, and which of them `auto` takes.

    python scripts/bench/products.py [--rounds 3]

Both learn the same 64 lessons of the sidescroller with all weights, in turn in one process on one thread. Processor
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

from arena.train import products
from arena.train.vlm import sft, sft_sources
from arena.train.vlm.examples import Album
from arena.train.vlm.sft_config import SftConfig, source

ROWS = 64
DTYPES = ("bfloat16", "float32")


def main(rounds: int, out: Path) -> dict[str, float]:
    """Seconds of an update, by dtype."""
    lessons = source("teacher", f"sidescroller@lessons={ROWS}@shard={ROWS}")
    config = SftConfig(model="vlm", out=str(out), sources=(lessons,), held_out=0)
    engines = {dtype: sft.made(replace(config, dtype=dtype)) for dtype in DTYPES}
    album = Album()
    pools, _ = sft_sources.load(config, sft.reads(engines[DTYPES[0]].learner), album)
    (examples,) = pools.values()
    batch = sft.data(examples, (1.0, 1.0, 1.0), album)
    taken: dict[str, list[float]] = {dtype: [] for dtype in DTYPES}
    for number in range(rounds + 1):
        for dtype, engine in engines.items():
            begun = time.process_time()
            sft.update(engine, batch, config, 0)
            if number:
                taken[dtype].append(time.process_time() - begun)
    return {dtype: statistics.median(each) for dtype, each in taken.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = main(given.rounds, Path(folder))
    print(", ".join(f"{dtype} {each:.2f} s" for dtype, each in found.items()), f"for {ROWS} rows")
    print(f"bfloat16 / float32: {found['bfloat16'] / found['float32']:.2f}; auto is {products.usual('cpu')} here")
