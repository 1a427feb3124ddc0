"""What playing ahead of the trainer gains: turns/s as a ratio to a synchronous training of the same run.

    python scripts/bench/ahead.py [--preset sidescroller-nano] [--updates 6] [--set rollout.matches=32] [--json FILE]

Every pair of staleness and processes trains from one seed. So many updates are measured: without the first
staleness + 1, before which the models are loaded and the pool fills, and the last, after which it has no more to play.
`in_play`: matches in play on average; `empty`: the share of the time in which there was none. Trainings of one
staleness must have equal metrics, whatever number of processes played. They run one after the other.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from arena.train.vlm import config
from arena.train.vlm.trainer import main as train

ARMS = ((0, None), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3))  # staleness, processes


def arm(of: config.VlmConfig, out: Path, staleness: int, processes: int | None) -> dict[str, float]:
    """One training."""
    train(replace(of, staleness=staleness, processes=processes), out)
    every = list(map(json.loads, (out / "timing.jsonl").read_text().splitlines()))
    lines = every[staleness + 1 : len(every) - staleness]
    seconds = sum(line["total"] for line in lines)
    found = {"turns_per_second": sum(line["turns"] for line in lines) / seconds}
    if staleness:
        found |= {
            name: sum(line[f"ahead/{name}"] * line["total"] for line in lines) / seconds
            for name in ("in_play", "empty")
        }
    return found


def main(preset: str, updates: int, settings: Sequence[str], out: Path) -> list[dict[str, float | None]]:
    """Each arm, with its ratio to the first. SystemExit where trainings of one staleness differ."""
    of = config.load(preset, None, (*settings, "evaluation.every=0", "samples_every=0"))
    found: list[dict[str, float | None]] = []
    metrics: dict[int, bytes] = {}
    for staleness, processes in ARMS:
        folder = out / f"{staleness}-{processes}"
        one = arm(replace(of, updates=updates + 2 * staleness + 1), folder, staleness, processes)
        found.append({"staleness": staleness, "processes": processes, **one})
        print(f"staleness {staleness}, {processes or 'no'} processes: {one}", flush=True)
        made = (folder / "metrics.jsonl").read_bytes()
        if metrics.setdefault(staleness, made) != made:
            raise SystemExit(f"staleness {staleness}: {processes} processes gave other metrics")
    for line in found:
        line["ratio"] = float(line["turns_per_second"] or 0) / float(found[0]["turns_per_second"] or 1)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="sidescroller-nano")
    parser.add_argument("--updates", type=int, default=6)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = main(given.preset, given.updates, given.settings, Path(folder))
    for row in rows:
        print({name: value if value is None else round(value, 2) for name, value in row.items()})
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
