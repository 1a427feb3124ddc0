"""Teaches nano, which learnt by play, the turns of the sidescroller that decide, and measures what came of it.

    python -m scripts.train.decided train --seeds 0,1,2 --out work/decided    # stop it, run it again, it goes on
    python -m scripts.train.decided measure --out work/decided --json work/decided/found.json

train: each seed lets nano with its adapter (--start) play on train levels. Then it learns what a search would have done
at the turns where one action alone leads on (docs/sft.md), and beside them its own turns, which keep the rest as it
was. OUT/side-SEED/learnt/model is what came of it. measure: as scripts/train/lanes.py, at the temperature at which what
was imitated is best drawn; `--levels validation` takes the levels that may be looked at more than once.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from scripts.train.lanes import ARENA, EXTRA, OTHERS, measured

START = "vlm:nano@adapter=sidescroller"
MATCHES, AT_ONCE, PLAYED_AT = 300, 40, 0.6
STEPS, LESSONS = 1200, 40_000
DECIDING = 0.7  # share of a batch; the rest are its own turns
HOW = ("rate=4e-4", "rate_final=1e-5", "warmup=30", "every=100", "held_out=400")
TEMPERATURE = 0.3


def train(out: Path, seeds: Sequence[int], start: str, workers: int) -> None:
    """Each seed, going on where it stopped."""
    for seed in seeds:
        folder = out / f"side-{seed}"
        if not model(folder).exists():
            _learn(start, folder, seed, workers)


def model(folder: Path) -> Path:
    """What a seed learnt."""
    return folder / "learnt" / "model"


def _learn(start: str, folder: Path, seed: int, workers: int) -> None:
    went, learnt = folder / "went", folder / "learnt"
    if not (went / "results.json").exists():
        shutil.rmtree(went, ignore_errors=True)
        plan = ["--game", "sidescroller@set=train", "--operators", f"{start}@temperature={PLAYED_AT}"]
        plan += ["--matches", str(MATCHES), "--seed", str(seed), "--concurrency", str(AT_ONCE)]
        _arena("play", *plan, "--out", str(went))
    words = ["--teacher", f"sidescroller@decides=true@lessons={LESSONS}@weight={DECIDING}"]
    words += ["--run", f"{went}@weight={1 - DECIDING:.3g}"]
    words += [word for setting in (*HOW, f"workers={workers}") for word in ("--set", setting)]
    told = ["--model", start, "--steps", str(STEPS), "--seed", str(seed), "--out", str(learnt)]
    _arena("train", "sft", *told, *words, *(["--resume"] if learnt.exists() else []))


def _arena(*words: str) -> None:
    ended = subprocess.run([*ARENA, *words]).returncode
    if ended:
        raise SystemExit(
            f"`arena {' '.join(words[:2])}` ended with exit code {ended}: the same command goes on with it"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "measure"))
    parser.add_argument("--out", type=Path, default=Path("work/decided"))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--start", default=START, help="the model that learns (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes that make lessons")
    parser.add_argument("--levels", default="heldout", choices=("heldout", "validation"))
    parser.add_argument("--temperature", type=float, default=TEMPERATURE, help="of what is measured")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.what == "train":
        train(given.out, given.seeds, given.start, given.workers)
        return
    made = {f"side-{seed}": model(given.out / f"side-{seed}") for seed in given.seeds}
    if missing := [str(one) for one in made.values() if not one.exists()]:
        parser.error(f"{missing[0]} is not there: run `python -m scripts.train.decided train` first")
    trained = {name: f"vlm:{one}@temperature={given.temperature}" for name, one in made.items()}
    others = OTHERS | {"the start": f"{given.start}@temperature={given.temperature}"}
    found = measured(given.out, trained, given.levels, EXTRA, others)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
