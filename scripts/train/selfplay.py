"""What the scripts share that train a preset by self-play and measure what came out."""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.errors import ArenaError

ARENA = (sys.executable, "-m", "arena")
START = "start"
Row = dict[str, float]


def train(preset: str, folder: Path, seed: int, settings: Sequence[str]) -> None:
    """The preset, going on where it stopped."""
    words = [word for setting in settings for word in ("--set", setting)]
    resume = ["--resume", "exact"] if folder.exists() else []
    given = ["--preset", preset, "--seed", str(seed), "--out", str(folder), *words, *resume]
    ended = subprocess.run([*ARENA, "train", "vlm", *given]).returncode
    if ended:
        raise SystemExit(f"the training in {folder} ended with exit code {ended}: the same command goes on with it")


def run(given: argparse.Namespace, preset: str, name: str, report: Callable[[argparse.Namespace], Any]) -> None:
    """What a script was asked for: `train` all seeds, each in out/NAME-SEED, or `measure` and keep the report."""
    try:
        if given.what == "train":
            for seed in given.seeds:
                train(preset, given.out / f"{name}-{seed}", seed, given.settings)
            return
        results = report(given)
    except ArenaError as error:
        raise SystemExit(str(error)) from None
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def newest(trained: Path) -> Path:
    """The weights that came of the last update."""
    return max((trained / "weights").glob("pi_v*"), key=lambda path: int(path.name.removeprefix("pi_v")))


def versions(trained: Path) -> dict[str, Path | None]:
    """By name the start (None), the snapshots that were kept, and the newest weights."""
    weights: dict[str, Path | None] = {START: None}
    weights |= {f"pi_v{int(path.name)}": path for path in sorted((trained / "pool").glob("[0-9]*"))}
    last = newest(trained)
    weights.setdefault(last.name, last)
    return weights


def curve(trained: Path, columns: Sequence[str]) -> list[Row]:
    """What a training's metrics say, by update."""
    out, turns = [], 0.0
    for number, line in enumerate(
        map(json.loads, (trained / "metrics.jsonl").read_text(encoding="utf-8").splitlines()), 1
    ):
        turns += line["rollout/turns"]
        out.append({"update": number, "turns": turns} | {name: line[name] for name in columns if name in line})
    return out


def keep(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], path: Path, draw: Callable[[Any], None]) -> None:
    """The curves as a table, and beside it the picture that `draw` makes on axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    draw(axes)
    figure.savefig(path.with_suffix(".png"), dpi=90)
    pyplot.close(figure)
