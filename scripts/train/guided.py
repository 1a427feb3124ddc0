"""Do thoughts stay true while a model gets better? Trains a preset with guided thoughts and without, three seeds each.

    python -m scripts.train.guided train --out work/guided         # resumable; --arms alone --seeds 0 for one of them
    python -m scripts.train.guided measure --out work/guided --json work/guided/guided.json --plot work/guided/curve

Each training ends with an evaluation in which the model as it began plays the same deals (preset `maze-nano`; another
one by --preset). measure: by arm and seed, and of the mean of its seeds, how much more the trained model scores, deal
by deal, with its 95% interval; and the share of statements in its thoughts that are true, less the start's. --over 0
measures the share of deals that return more than 0 in place of mean returns: the success of RL4VLM at Points24.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from arena.analysis.outcomes import read_outcomes
from arena.errors import InputError
from arena.record.reader import Run
from arena.train.vlm import thoughts
from arena.train.vlm.scored import folder_of
from scripts.train import selfplay
from scripts.train.races import Scores, less, told
from scripts.train.selfplay import Row

PRESET = "maze-nano"
ARMS = {"guided": "thoughts.corrector=truth", "alone": "thoughts.corrector="}
COLUMNS = ("arm", "seed", "update", "turns", "reward/mean", "reward/stderr", "thought/true", "thought/distinct")
TRAINED, START = 0, 1  # places in the pool of an evaluation


class Found(NamedTuple):
    """Of one training: scores by deal, and shares of true statements, of the trained model and of the start."""

    after: Scores
    before: Scores
    true_after: float
    true_before: float

    @property
    def lost(self) -> float:
        """How much of the share of true statements is gone."""
        return self.true_before - self.true_after


def found(trained: Path, over: float | None = None) -> Found:
    """What the last evaluation of a training says. InputError where there is none. `over`: as in `alone`."""
    updates = len((trained / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) if trained.is_dir() else 0
    run = folder_of(trained, updates)
    if not (run / "results.json").is_file():
        raise InputError(f"{trained} is not trained to its end: run `python -m scripts.train.guided train` first")
    names, said = Run(run).operators, thoughts.of_run(run)
    shares = [said.get(names[place], thoughts.Count()).metrics().get("thought/true", np.nan) for place in (0, 1)]
    return Found(alone(Run(run), TRAINED, over), alone(Run(run), START, over), *shares)


def alone(run: Run, place: int, over: float | None = None) -> Scores:
    """The mean return of an operator of the pool by deal, in games of one seat.

    `over`: the share of its matches that return more than this instead.
    """
    played, out = read_outcomes(run), defaultdict[int, list[float]](list)
    for row in np.flatnonzero(played.resolved):
        if played.lineup[row, 0] == place:
            value = float(played.returns[row, 0])
            out[int(played.block[row])].append(value if over is None else float(value > over))
    return {block: float(np.mean(values)) for block, values in out.items()}


def summary(of: Sequence[Found]) -> dict[str, Any]:
    """One training, or the mean of several."""
    return {
        "start": told([one.before for one in of]),
        "trained": told([one.after for one in of]),
        "less the start": told([less(one.after, one.before) for one in of]),
        "true at the start": float(np.mean([one.true_before for one in of])),
        "true": float(np.mean([one.true_after for one in of])),
        "true, lost by seed": [one.lost for one in of],
    }


def report(given: argparse.Namespace) -> dict[str, Any]:
    """All arms and seeds."""
    rows, results = list[Row](), dict[str, Any](preset=given.preset, over=given.over, arms={})
    for arm in given.arms:
        folders = {seed: given.out / f"{arm}-{seed}" for seed in given.seeds}
        made = {seed: found(folder, given.over) for seed, folder in folders.items()}
        by_seed = {seed: summary([one]) for seed, one in made.items()}
        results["arms"][arm] = {"seeds": by_seed, "mean of the seeds": summary([*made.values()])}
        print(arm, json.dumps(results["arms"][arm]["mean of the seeds"]), flush=True)
        for seed, folder in folders.items():
            rows += [{"arm": arm, "seed": seed, **row} for row in selfplay.curve(folder, COLUMNS)]  # type: ignore[dict-item]
    results["curve"] = rows
    if given.plot:
        selfplay.keep(rows, COLUMNS, given.plot, lambda axes: drawn(rows, axes))
    return results


def drawn(rows: Sequence[Row], axes: Any) -> None:
    """Returns by turns, a line a training; dashed the share of true statements."""
    for arm, colour in zip(ARMS, ("tab:green", "tab:red"), strict=True):
        for seed in sorted({row["seed"] for row in rows}):
            mine = [row for row in rows if (row["arm"], row["seed"]) == (arm, seed)]
            turns, label = [row["turns"] for row in mine], arm if seed == 0 else None
            axes.plot(turns, [row["reward/mean"] for row in mine], color=colour, label=label)
            axes.plot(turns, [row["thought/true"] for row in mine], "--", color=colour, linewidth=0.8)
    axes.legend()
    axes.set(xlabel="turns", ylabel="mean return; dashed: share that is true")


def train(given: argparse.Namespace) -> None:
    for seed in given.seeds:
        for arm in given.arms:
            selfplay.train(given.preset, given.out / f"{arm}-{seed}", seed, [*given.settings, ARMS[arm]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "measure"))
    parser.add_argument("--out", type=Path, default=Path("work/guided"))
    parser.add_argument("--preset", default=PRESET)
    parser.add_argument("--arms", nargs="+", choices=[*ARMS], default=[*ARMS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as of arena train vlm")
    parser.add_argument("--over", type=float, help="measure: the share of returns over this, not their mean")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="the curves: this name with .csv and .png")
    given = parser.parse_args()
    if given.what == "train":
        train(given)
    else:
        selfplay.run(given, given.preset, "", report)


if __name__ == "__main__":
    main()
