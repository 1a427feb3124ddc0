"""Trains nano at the race against itself, its past and others, three seeds, and measures what came out.

    python -m scripts.train.races train --out work/races                  # resumable; --seeds 0 for one of them
    python -m scripts.train.races measure --out work/races --json work/races/race.json --plot work/races/curve

measure: races on held-out levels, each from both seats, of the trained model against the model that training began
with, `ppo` and `scripted`, with 95% intervals over levels, by seed and of their mean; then the start, the snapshots and
the end all against each other: a later one that beats earlier ones has learnt, one that loses to them goes in circles.
What was played before is not played again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from arena.analysis.outcomes import read_outcomes
from arena.errors import InputError
from arena.evaluate.intervals import mean_interval
from arena.record.reader import Run
from arena.train.vlm.crossplay import cross_play, progress
from scripts.train import selfplay
from scripts.train.selfplay import ARENA, Row

SEED = 1  # of what is measured
COLUMNS = ("seed", "update", "turns", "reward/mean", "reward/stderr", "critic/explained_var", "rollout/unparsed")
Scores = dict[int, float]  # by block: the mean of a level, or of a deal, from both seats


class Study(NamedTuple):
    """A preset of a game for two, and what its models are measured in."""

    name: str  # of its folders
    preset: str
    began: str  # the operator that training begins with
    levels: str

    @property
    def others(self) -> dict[str, str]:
        """Who is played against, by name."""
        return {"start": self.began, "ppo": "ppo", "scripted": "scripted"}


# As many decisions as in training: then who is ahead wins.
RACE = Study("race", "race-nano", "vlm:nano@adapter=race", "race@set=heldout@horizon=80")


def against(operator: str, others: Mapping[str, str], out: Path, levels: str, matches: int) -> dict[str, Scores]:
    """An operator's scores against each of the others."""
    found = {}
    for name, other in others.items():
        run = out / name
        if not (run / "results.json").exists():
            command = ["--game", levels, "--operators", f"{operator},{other}", "--matches", str(matches)]
            command += ["--seed", str(SEED), "--concurrency", "24", "--quiet"]
            command = ["--resume", str(run), "--quiet"] if run.exists() else [*command, "--out", str(run)]
            subprocess.run([*ARENA, "play", *command], check=True, stdout=subprocess.DEVNULL)
        found[name] = scores(Run(run), 0, 1)
    return found


def exported(trained: Path, model: Path) -> str:
    """The trained model as an operator; `model` is the folder that it is written to."""
    if not model.exists():
        subprocess.run([*ARENA, "export", "model", str(trained), str(model)], check=True, stdout=subprocess.DEVNULL)
    return f"vlm:{model}"


def scores(run: Run, one: int, other: int) -> Scores:
    """The mean of the operator `one`'s returns in its matches with the operator `other`, by block."""
    played = read_outcomes(run)
    found = defaultdict[int, list[float]](list)
    for row in np.flatnonzero(played.resolved):
        if {*played.lineup[row].tolist()} == {one, other}:
            [seat] = np.flatnonzero(played.lineup[row] == one)
            found[int(played.block[row])].append(float(played.returns[row, seat]))
    return {block: float(np.mean(values)) for block, values in found.items()}


def less(of: Scores, start: Scores) -> Scores:
    """How much more it is than the start's, by block."""
    return {block: score - start[block] for block, score in of.items() if block in start}


def told(of: Sequence[Scores]) -> dict[str, Any]:
    """The mean of all of them, with its 95% interval (Student's) over the levels that all have."""
    blocks = sorted(set.intersection(*({*one} for one in of)))
    means = [float(np.mean([one[block] for one in of])) for block in blocks]
    low, high = mean_interval(means) if len({*means}) > 1 else (None, None)
    return {"score": float(np.mean(means)), "low": low, "high": high, "levels": len(blocks)}


class Circle(NamedTuple):
    """Versions of a training that all met each other, in `matches` races in all."""

    names: list[str]
    matches: int
    later_ahead: float | None  # share of pairs
    scores: list[list[Scores]]  # of the row's version in its races with the column's

    def told(self) -> dict[str, Any]:
        return {**self._asdict(), "scores": payoffs([self.scores])}


def circle(trained: Path, out: Path, began: str, levels: str, matches: int, versions: int) -> Circle:
    """The start, snapshots between, and the newest weights against each other: so many, evenly apart."""
    every = list(selfplay.versions(trained).items())
    places = np.linspace(0, len(every) - 1, min(versions, len(every))).round().astype(int)
    weights = dict(every[place] for place in places)
    made = cross_play(levels, began, weights, out, matches=matches, seed=SEED)
    run, numbers = Run(out), range(len(weights))
    found = [[scores(run, one, other) if one != other else {} for other in numbers] for one in numbers]
    return Circle(list(weights), matches, progress(made, len(weights)), found)


def payoffs(seeds: Sequence[list[list[Scores]]]) -> list[list[dict[str, Any] | None]]:
    """Of each pair the mean of the seeds, with its interval."""
    numbers = range(len(seeds[0]))
    return [[told([of[a][b] for of in seeds]) if a != b else None for b in numbers] for a in numbers]


def drawn(rows: Sequence[Row], axes: Any) -> None:
    """The lead by turns, a line a seed."""
    for seed in sorted({row["seed"] for row in rows}):
        mine = [row for row in rows if row["seed"] == seed]
        axes.errorbar(
            [row["turns"] for row in mine],
            [row["reward/mean"] for row in mine],
            yerr=[1.96 * row["reward/stderr"] for row in mine],
            marker="o",
            ms=3,
            label=f"seed {seed:g}",
        )
    axes.axhline(0, color="black", linewidth=0.5)
    axes.legend()
    axes.set(xlabel="turns", ylabel="lead over the opponents of an update (95%)")


def report(given: argparse.Namespace, study: Study) -> dict[str, Any]:
    """Measures all seeds."""
    rows, found, circles = list[Row](), list[dict[str, Scores]](), list[Circle]()
    results = dict[str, Any](levels=given.levels, seed=SEED, matches=given.matches, seeds={})
    known = {name: other for name, other in study.others.items() if name != "start"}
    start = against(study.began, known, given.out / "measured" / "start", given.levels, given.matches)
    results["start"] = {name: told([one]) for name, one in start.items()}
    for seed in given.seeds:
        trained, out = given.out / f"{study.name}-{seed}", given.out / "measured" / str(seed)
        if not (trained / "metrics.jsonl").is_file():
            raise InputError(f"{trained} holds no training: run this script with `train` first")
        rows += [{"seed": seed, **row} for row in selfplay.curve(trained, COLUMNS)]
        found.append(against(exported(trained, out / "model"), study.others, out, given.levels, given.matches))
        results["seeds"][seed] = {"against": {name: told([one]) for name, one in found[-1].items()}}
        if given.cross:
            circles.append(circle(trained, out / "cross", study.began, given.levels, given.cross, given.versions))
            results["seeds"][seed]["cross_play"] = circles[-1].told()
        print(f"seed {seed}", json.dumps(results["seeds"][seed]), flush=True)
    results["mean of the seeds"] = {name: told([one[name] for one in found]) for name in study.others}
    results["less the start"] = {name: told([less(one[name], score) for one in found]) for name, score in start.items()}
    if circles and len({len(one.names) for one in circles}) == 1:
        results["cross-play, mean of the seeds"] = payoffs([one.scores for one in circles])
    print(json.dumps({name: results[name] for name in results if name not in ("seeds", "curve")}), flush=True)
    results["curve"] = rows
    if given.plot:
        selfplay.keep(rows, COLUMNS, given.plot, lambda axes: drawn(rows, axes))
    return results


def main(study: Study = RACE, doc: str | None = __doc__) -> None:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "measure"))
    parser.add_argument("--out", type=Path, default=Path(f"work/{study.name}s"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as of arena train vlm")
    parser.add_argument("--levels", default=study.levels)
    parser.add_argument("--matches", type=int, default=80, help="against each of the others")
    parser.add_argument("--cross", type=int, default=120, help="matches of the snapshots, all together; 0: none")
    parser.add_argument("--versions", type=int, default=3, help="how many of them meet: start, end, and some between")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="the curves: this name with .csv and .png")
    selfplay.run(parser.parse_args(), study.preset, study.name, partial(report, study=study))


if __name__ == "__main__":
    main()
