"""How long a picture of spy takes on one core, in processor time, beside a reference that is measured in turn with it.

    OMP_NUM_THREADS=1 python scripts/bench/spy_pictures.py [--rounds 30]

The reference is the square root of a million numbers in NumPy, so that other machines can be compared.
scene:   ms to make a scene with its twin, without drawing.
draw:    ms to draw a scene of 3 to 8 things (as they are drawn by chance), and of 8 things, by size.
chart:   ms to draw a chart.
The mean over all rounds and the slowest round; each round draws another picture.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from arena_games.spy.pictures import charts, render, scene

SIZES = (64, 128, 256, 512)


def cost(work: Callable[[], object]) -> float:
    """Milliseconds of this process, so that others on the machine disturb less."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def measured(work: Callable[[int], object], rounds: int) -> dict[str, float]:
    """Mean and slowest, in ms, and the mean as a ratio to the reference's."""
    numbers = np.random.default_rng(0).random(1_000_000)
    work(0)
    times, reference = [], []
    for at in range(rounds):
        reference.append(cost(lambda: np.sqrt(numbers)))
        times.append(cost(lambda at=at: work(at)))
    mean = statistics.mean(times)
    return {
        "ms": round(mean, 2),
        "slowest_ms": round(max(times), 2),
        "ratio": round(mean / statistics.mean(reference), 2),
    }


def twins(seed: int) -> object:
    """A scene and its twin."""
    chance = np.random.default_rng(seed)
    return scene.edited(scene.scene(chance), chance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    some = [scene.scene(np.random.default_rng(seed)) for seed in range(rounds)]
    full = [scene.scene(np.random.default_rng(seed), (scene.MOST, scene.MOST)) for seed in range(rounds)]
    graphs = [charts.chart(np.random.default_rng(seed)) for seed in range(rounds)]
    result: dict[str, object] = {"scene": measured(twins, rounds)}
    for size in SIZES:
        result[f"draw {size}"] = measured(lambda at, size=size: render.draw(some[at], size), rounds)
        result[f"draw {size}, 8 things"] = measured(lambda at, size=size: render.draw(full[at], size), rounds)
    result["chart 256"] = measured(lambda at: charts.draw(graphs[at], 256), rounds)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
