"""Trains nano at the race against itself, its past and others, and measures what came out.

    python -m scripts.train.races train --seed 0 --out work/races        # resumable
    python -m scripts.train.races measure --out work/races --json work/races/race.json --plot work/races/curve

measure: races on the held-out levels, each from both seats, of the trained model against the model that training began
with, `ppo` and `scripted`, with 95% intervals over levels; then the start, the snapshots and the end all against each
other: a later one that beats earlier ones has learnt, one that loses to them goes in circles.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arena.plan import Limits
from arena.train.vlm.crossplay import cross_play, progress

ARENA = (sys.executable, "-m", "arena")
PRESET, START = "race-nano", "vlm:nano@adapter=race"
LEVELS = "race@set=heldout"
COLUMNS = ("update", "turns", "reward/mean", "reward/stderr", "critic/explained_var", "rollout/unparsed")


def train(out: Path, seed: int, settings: Sequence[str]) -> None:
    """The preset, going on where it stopped."""
    words = [word for setting in settings for word in ("--set", setting)]
    folder = out / f"race-{seed}"
    resume = ["--resume", "exact"] if folder.exists() else []
    given = ["--preset", PRESET, "--seed", str(seed), "--out", str(folder), *words, *resume]
    subprocess.run([*ARENA, "train", "vlm", *given], check=True)


def against(trained: Path, levels: str, matches: int, seed: int) -> dict[str, Any]:
    """The trained model's scores against the others, with intervals."""
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        subprocess.run([*ARENA, "export", "model", str(trained), str(model)], check=True, stdout=subprocess.DEVNULL)
        for other in (START, "ppo", "scripted"):
            run = Path(folder) / other.partition(":")[0]
            command = ["--game", levels, "--operators", f"vlm:{model},{other}", "--matches", str(matches)]
            command += ["--seed", str(seed), "--concurrency", "24", "--out", str(run), "--quiet"]
            subprocess.run([*ARENA, "play", *command], check=True, stdout=subprocess.DEVNULL)
            (table,) = json.loads((run / "results.json").read_text())
            row = next(row for row in table["rows"] if row["operator"] == f"vlm:{model}")
            out[other] = {name: row[name] for name in ("score", "low", "high")} | {"matches": matches}
            print(other, json.dumps(out[other]), flush=True)
    return out


def circle(trained: Path, levels: str, matches: int, seed: int, ticks: int) -> dict[str, Any]:
    """The start, the snapshots that were kept, and the newest weights against each other."""
    weights: dict[str, Path | None] = {"start": None}
    weights |= {f"pi_v{int(path.name)}": path for path in sorted((trained / "pool").glob("[0-9]*"))}
    newest = max((trained / "weights").glob("pi_v*"), key=lambda path: int(path.name.removeprefix("pi_v")))
    weights.setdefault(newest.name, newest)
    with tempfile.TemporaryDirectory() as folder:
        limits = Limits(max_ticks=ticks)
        made = cross_play(levels, START, weights, Path(folder) / "run", matches=matches, seed=seed, limits=limits)
    return {
        "names": list(weights),
        "matches": matches,
        "ticks": ticks,
        "payoffs": made.games[0].payoffs,
        "later_ahead": progress(made, len(weights)),
    }


def curve(trained: Path) -> list[dict[str, float]]:
    """What a training's metrics say, by update."""
    out, turns = [], 0.0
    for number, line in enumerate(map(json.loads, (trained / "metrics.jsonl").read_text().splitlines()), 1):
        turns += line["rollout/turns"]
        out.append({"update": number, "turns": turns} | {name: line[name] for name in COLUMNS if name in line})
    return out


def keep(rows: Sequence[dict[str, float]], path: Path) -> None:
    """The curve as a table, and beside it as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with path.with_suffix(".csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    axes.errorbar(
        [row["turns"] for row in rows],
        [row["reward/mean"] for row in rows],
        yerr=[1.96 * row["reward/stderr"] for row in rows],
        marker="o",
    )
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set(xlabel="turns", ylabel="lead over the opponents of an update (95%)")
    figure.savefig(path.with_suffix(".png"), dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "measure"))
    parser.add_argument("--out", type=Path, default=Path("work/races"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as of arena train vlm")
    parser.add_argument("--levels", default=LEVELS)
    parser.add_argument("--matches", type=int, default=200, help="against each of the others")
    parser.add_argument("--cross", type=int, default=200, help="matches of the snapshots, all together; 0: none")
    parser.add_argument("--ticks", type=int, default=80, help="of a match of the snapshots, as in training")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="the curve: this name with .csv and .png")
    given = parser.parse_args()
    if given.what == "train":
        train(given.out, given.seed, given.settings)
        return
    trained = given.out / f"race-{given.seed}"
    rows = curve(trained)
    if given.plot:
        keep(rows, given.plot)
    results: dict[str, Any] = {"levels": given.levels, "seed": 1, "curve": rows}
    if given.cross:
        results["cross_play"] = circle(trained, given.levels, given.cross, 1, given.ticks)
        print(json.dumps(results["cross_play"]), flush=True)
    results["against"] = against(trained, given.levels, given.matches, 1)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
