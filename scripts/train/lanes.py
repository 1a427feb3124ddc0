"""Trains nano on the sidescroller by play, and measures what came out on the levels that are held out.

    python -m scripts.train.lanes train --seeds 0,1,2 --out work/rl    # resumable; about an hour a seed and core
    python -m scripts.train.lanes measure --out work/rl --json docs/results/rl-lanes.json --plot docs/curves/rl.png

measure: every trained model, nano as it ships, `scripted` and `ppo` on the same 100 levels, the differences by level
with 95% intervals, what the trained ones lose with blank pictures and with those of other turns, the share of true
statements in thoughts, and the curves. Its runs are kept in OUT/measured: remove them to play them again. `--levels
validation` takes the levels that may be looked at more than once.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.evaluate.intervals import mean_interval
from arena.train.vlm import config
from arena.train.vlm.thoughts import of_run
from scripts.ppo.evaluate import Far, far, play

ARENA = (sys.executable, "-m", "arena")
HALVES = ("sidescroller-nano", "sidescroller-nano-guided")
STARTS, SEED = 100, 1
OTHERS = {"nano as it ships": "vlm:nano", "scripted": "scripted", "ppo": "ppo"}
EXTRA = ("pictures=blank", "pictures=shuffled")  # what is lost without the true pictures is what a policy uses of them


def train(out: Path, seeds: Sequence[int], settings: Sequence[str]) -> None:
    """Each seed by both presets, one after the other, going on where it stopped."""
    words = [word for setting in settings for word in ("--set", setting)]
    for seed in seeds:
        folder = out / f"side-{seed}"
        for number, preset in enumerate(HALVES):
            done = max((int(one.name) for one in (folder / "checkpoints").glob("[0-9]*")), default=0)
            first = number * config.load(HALVES[0], None).updates  # that this preset makes
            if done < config.load(preset, None).updates:
                begun = done > first if number else folder.exists()
                how = ["--resume", "exact"] if begun else ["--resume", "weights-only"] if number else []
                given = ["--preset", preset, "--seed", str(seed), "--out", str(folder), *words, *how]
                subprocess.run([*ARENA, "train", "vlm", *given], check=True)


def model(folder: Path) -> Path:
    """The exported model of a training, made if it is not there."""
    made = folder.with_name(f"{folder.name}-model")
    if not made.exists():
        subprocess.run([*ARENA, "export", "model", str(folder), str(made)], check=True, stdout=subprocess.DEVNULL)
    return made


def measured(
    out: Path, trained: Mapping[str, str], levels: str, extra: Sequence[str], others: Mapping[str, str] = OTHERS
) -> dict[str, Any]:
    """Pixels of everybody on the same levels, and the differences of the trained ones from the others.

    `trained`, `others`: operators by name; `extra`: options with which the trained ones play again.
    """
    named = {
        **trained,
        **others,
        **{f"{name} {what}": f"{who}@{what}" for name, who in trained.items() for what in extra},
    }
    went: dict[str, list[Far]] = {}
    results: dict[str, Any] = {"levels": levels, "starts": STARTS, "seed": SEED}
    results |= {"pixels": {}, "thoughts": {}, "differences": {}, "by_level": {}}
    for name, who in named.items():
        folder = out / "measured" / levels / name.replace(" ", "-")
        went[name], said = played(who, f"sidescroller@set={levels}", folder)
        results["pixels"][name] = spread([one.distance for one in went[name]])
        results["pixels"][name]["cleared"] = sum(one.cleared for one in went[name])
        results["by_level"][name] = [one.distance for one in went[name]]
        results["thoughts"] |= {name: said} if said else {}
        print(name, json.dumps(results["pixels"][name] | said), flush=True)
    for name in trained:
        for other in (*others, *(f"{name} {what}" for what in extra)):
            paired = [a.distance - b.distance for a, b in zip(went[name], went[other], strict=True)]
            results["differences"][f"{name} less {other}"] = spread(paired)
    for other in others:  # the seeds' mean by level: chance of the levels is left, not that of one training
        means = [
            sum(went[name][at].distance for name in trained) / len(trained) - one.distance
            for at, one in enumerate(went[other])
        ]
        results["differences"][f"mean of seeds less {other}"] = spread(means)
    print(json.dumps(results["differences"], indent=1))
    return results


def played(who: str, game: str, run: Path, starts: int = STARTS) -> tuple[list[Far], dict[str, float]]:
    """How far one gets from each start of a game of lanes, and how true its thoughts are, if it has some.

    The run is kept in its folder, and played only once.
    """
    if not (run / "results.json").exists():
        shutil.rmtree(run, ignore_errors=True)
        play(game, [who], starts, SEED, run)
    said = [count.metrics() for count in of_run(run).values()]
    return list(far(run)), said[0] if said else {}


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Mean, and the ends of its 95% t-interval."""
    low, high = mean_interval(values)
    return {"mean": sum(values) / len(values), "low": low, "high": high}


def curves(out: Path) -> Mapping[str, list[dict[str, float]]]:
    """The metrics of every training."""
    files = sorted(out.glob("side-?/metrics.jsonl"))
    return {
        file.parent.name: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] for file in files
    }


def plot(found: Mapping[str, list[dict[str, float]]], path: Path) -> None:
    """Mean return of an update's matches over the turns so far."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), constrained_layout=True)
    for name, lines in found.items():
        turns, at = [], 0.0
        for line in lines:
            at += line["rollout/turns"]
            turns.append(at)
        means = [line["reward/mean"] for line in lines]
        smooth = [sum(means[max(0, i - 4) : i + 1]) / len(means[max(0, i - 4) : i + 1]) for i in range(len(means))]
        (line2d,) = axes.plot(turns, smooth, label=name)
        axes.plot(turns, means, color=line2d.get_color(), alpha=0.25)
    axes.set_xlabel("turns")
    axes.set_ylabel("return of a match on train levels (thick: mean of 5 updates)")
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "measure"))
    parser.add_argument("--out", type=Path, default=Path("work/rl"))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as of arena train vlm")
    parser.add_argument("--levels", default="heldout", choices=("heldout", "validation"))
    parser.add_argument(
        "--extra", action="append", help="options of the trained ones (default: pictures=blank, pictures=shuffled)"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    if given.what == "train":
        train(given.out, [int(seed) for seed in given.seeds.split(",")], given.settings)
        return
    found = curves(given.out)
    if given.plot:
        plot(found, given.plot)
    trained = {folder.name: f"vlm:{model(folder)}" for folder in sorted(given.out.glob("side-?"))}
    results = {**measured(given.out, trained, given.levels, given.extra or EXTRA), "curves": found}
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
