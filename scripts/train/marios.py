"""Trains nano in Super Mario Bros 1-1 by play, and measures it there and on stages that it was not trained on.

    arena env create mario
    python -m scripts.train.marios train --out work/mario --seeds 0,1,2   # resumable
    python -m scripts.train.marios measure --out work/mario --json work/mario/mario.json --plot work/mario/curve

measure: every trained model, nano as it began, nano-games, `scripted` and `ppo` from the same starts of each stage, the
differences start by start with 95% intervals, and what the trained ones do with blank pictures. A start is 0 to 30
frames of waiting, so some of the 50 are alike: who draws its actions plays each of them in another way, and who does
not repeats itself. Runs are kept in OUT/measured: remove them to play them again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from scripts.train import selfplay
from scripts.train.lanes import model, played, spread
from scripts.train.selfplay import Row

PRESET = "mario-nano"
STAGES = ("1-1", "1-2", "2-1")  # the first one is trained on
STARTS = 50
OTHERS = {"nano as it began": "vlm:nano", "nano-games": "vlm:nano-games", "scripted": "scripted", "ppo": "ppo"}
COLUMNS = ("seed", "update", "turns", "reward/mean", "reward/stderr", "thought/true", "actor/entropy")


def report(given: argparse.Namespace) -> dict[str, Any]:
    """Pixels of everybody, and the differences; the curves beside it."""
    trained = {f"seed {seed}": given.out / f"mario-{seed}" for seed in given.seeds}
    if given.plot:
        curves({name: selfplay.curve(folder, COLUMNS) for name, folder in trained.items()}, given.plot)
    seated = {name: f"vlm:{model(folder)}" for name, folder in trained.items()} | OTHERS
    results: dict[str, Any] = {"starts": STARTS, "stages": {}}
    for stage in STAGES:
        far: dict[str, list[float]] = {}
        about: dict[str, Any] = {"pixels": {}, "cleared": {}, "thoughts": {}, "less": {}}
        blank = {f"{name}, blank": f"{seated[name]}@pictures=blank" for name in trained} if stage == STAGES[0] else {}
        for name, who in (seated | blank).items():
            folder = given.out / "measured" / stage / name.replace(" ", "-").replace(",", "")
            went, said = played(who, f"mario:{stage}@noops=30", folder, STARTS)
            far[name] = [one.distance for one in went]
            about["pixels"][name] = spread(far[name])
            about["cleared"][name] = sum(one.cleared for one in went)
            about["thoughts"] |= {name: said} if said else {}
            print(stage, name, about["pixels"][name], about["cleared"][name], flush=True)
        # The seeds' mean by start: chance of the starts is left, not that of one training.
        far["mean of the seeds"] = [sum(at) / len(at) for at in zip(*(far[name] for name in trained), strict=True)]
        for name in (*trained, "mean of the seeds"):
            for other in OTHERS:
                paired = [a - b for a, b in zip(far[name], far[other], strict=True)]
                about["less"][f"{name} less {other}"] = spread(paired)
        results["stages"][stage] = about | {"by_start": far}
    return results


def curves(found: dict[str, list[Row]], path: Path) -> None:
    """Mean return of an update's matches, by turns."""
    rows = [{"seed": name.removeprefix("seed ")} | row for name, lines in found.items() for row in lines]

    def draw(axes: Any) -> None:
        for name, lines in found.items():
            axes.plot([line["turns"] for line in lines], [line["reward/mean"] for line in lines], label=name)
        axes.set_xlabel("turns")
        axes.set_ylabel("return of a match at 1-1, pixels")
        axes.legend()

    selfplay.keep(rows, COLUMNS, path, draw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "measure"))
    parser.add_argument("--out", type=Path, default=Path("work/mario"))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as of arena train vlm")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    selfplay.run(parser.parse_args(), PRESET, "mario", report)


if __name__ == "__main__":
    main()
