"""Trains nano at the race against itself, its past and others, and measures what came out.

    python -m scripts.train.races train --seed 0 --out work/races        # resumable
    python -m scripts.train.races measure --out work/races --json work/races/race.json --plot work/races/curve

measure: races on the held-out levels, each from both seats, of the trained model against the model that training began
with, `ppo` and `scripted`, with 95% intervals over levels; then the start, the snapshots and the end all against each
other: a later one that beats earlier ones has learnt, one that loses to them goes in circles.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arena.plan import Limits
from arena.train.vlm.crossplay import cross_play, progress
from scripts.train import selfplay
from scripts.train.selfplay import ARENA, Row

PRESET, START = "race-nano", "vlm:nano@adapter=race"
LEVELS = "race@set=heldout"
COLUMNS = ("update", "turns", "reward/mean", "reward/stderr", "critic/explained_var", "rollout/unparsed")


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
    weights = selfplay.versions(trained)
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


def drawn(rows: Sequence[Row], axes: Any) -> None:
    """The lead by turns."""
    axes.errorbar(
        [row["turns"] for row in rows],
        [row["reward/mean"] for row in rows],
        yerr=[1.96 * row["reward/stderr"] for row in rows],
        marker="o",
    )
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set(xlabel="turns", ylabel="lead over the opponents of an update (95%)")


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
    trained = given.out / f"race-{given.seed}"
    if given.what == "train":
        selfplay.train(PRESET, trained, given.seed, given.settings)
        return
    rows = selfplay.curve(trained, COLUMNS)
    if given.plot:
        selfplay.keep(rows, COLUMNS, given.plot, lambda axes: drawn(rows, axes))
    results: dict[str, Any] = {"levels": given.levels, "seed": 1, "curve": rows}
    if given.cross:
        results["cross_play"] = circle(trained, given.levels, given.cross, 1, given.ticks)
        print(json.dumps(results["cross_play"]), flush=True)
    results["against"] = against(trained, given.levels, given.matches, 1)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
