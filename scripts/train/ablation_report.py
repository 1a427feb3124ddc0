"""What the ablation found: curves and levels as Parquet, a plot, and the tables of docs/ablation.md."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.evaluate.intervals import mean_interval, t975_between
from scripts.train import ablation
from scripts.train.ablation import METHODS

BEGIN, END = "<!-- written by scripts/train/ablation.py -->", "<!-- end -->"
CURVES, LEVELS = "ablation-curves.parquet", "ablation-levels.parquet"
SMOOTH = 5  # updates
BETTER = 1.25  # of the start's return: the threshold of turns
Floats = npt.NDArray[np.float64]


class Spread(NamedTuple):
    """A mean with its 95% interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:,.0f} [{self.low:,.0f}, {self.high:,.0f}]"


def crossed(values: Floats) -> Spread:
    """The mean of (seeds, levels) numbers, for other seeds and other levels than these.

    Both are random: the variance is that of the seeds' means plus that of the levels' means, which counts what only
    both together bring twice, so it is too large rather than too small. Degrees of freedom: Satterthwaite, Biometrics
    Bulletin 2 (1946). Of one seed: its levels alone.
    """
    mean = float(values.mean())
    if len(values) == 1:
        low, high = mean_interval(values[0].tolist())
        return Spread(mean, mean if low is None else low, mean if high is None else high)
    parts = [float(values.mean(1 - axis).var(ddof=1)) / values.shape[axis] for axis in (0, 1)]
    variance = sum(parts)
    if variance == 0:
        return Spread(mean, mean, mean)
    freedom = variance**2 / sum(part**2 / (size - 1) for part, size in zip(parts, values.shape, strict=True))
    half = t975_between(freedom) * math.sqrt(variance)
    return Spread(mean, mean - half, mean + half)


def pixels(file: Path) -> list[float]:
    """How far a model gets on each level."""
    return [far for far, _ in json.loads(file.read_text(encoding="utf-8"))]


def smooth(line: Sequence[float]) -> list[float]:
    """The mean of an update and up to four before it."""
    return [statistics.fmean(line[max(0, at + 1 - SMOOTH) : at + 1]) for at in range(len(line))]


def reached(lines: Sequence[Mapping[str, float]], threshold: float) -> float:
    """Turns until the mean return of five updates was first over the threshold; infinite if it never was."""
    turns = np.cumsum([line["rollout/turns"] for line in lines])
    means = smooth([line["reward/mean"] for line in lines])
    return next(
        (float(at) for at, mean in zip(turns[SMOOTH - 1 :], means[SMOOTH - 1 :], strict=True) if mean > threshold),
        math.inf,
    )


class Result(NamedTuple):
    """Of a method."""

    seeds: tuple[int, ...]
    pixels: Floats  # (seeds, levels)
    lines: tuple[list[dict[str, float]], ...]  # by seed

    @property
    def turns(self) -> tuple[float, ...]:
        return tuple(sum(line["rollout/turns"] for line in lines) for lines in self.lines)


class Training(NamedTuple):
    """Of a method and a seed."""

    lines: list[dict[str, float]]
    pixels: list[float]  # by level


Trainings = dict[tuple[str, int], Training]


def finished(out: Path, turns: int) -> Trainings:
    """What is trained and measured in a folder of trainings."""
    return {
        (method, seed): Training(ablation.lines(out / f"{method}-{seed}"), pixels(out / f"{method}-{seed}.levels.json"))
        for method, seeds in ablation.found(out, turns).items()
        for seed in seeds
    }


def published(folder: Path, turns: int) -> tuple[Trainings, list[float]]:
    """What `parquet` wrote: the trainings of so many turns, and how far the start gets, [] where nothing is written."""
    import pyarrow.parquet as pq

    if not (folder / LEVELS).exists():
        return {}, []
    lines, levels = (defaultdict[tuple[str, int], list[Any]](list) for _ in range(2))
    for row in pq.read_table(folder / CURVES).to_pylist():
        at = (row.pop("method"), row.pop("seed"))
        del row["turns"]  # it is of the table, not of the trainer
        lines[at].append({name: value for name, value in row.items() if value is not None})
    for row in pq.read_table(folder / LEVELS).to_pylist():
        levels[row["method"], row["seed"]].append(row["pixels"])
    start = levels.pop(("start", 0))
    long = {at for at, each in lines.items() if sum(line["rollout/turns"] for line in each) >= turns}
    return {at: Training(lines[at], levels[at]) for at in sorted(long)}, start


def results(trainings: Trainings) -> dict[str, Result]:
    """Of the methods with at least one seed."""
    out = {}
    for method in METHODS:
        if seeds := sorted(seed for name, seed in trainings if name == method):
            each = [trainings[method, seed] for seed in seeds]
            out[method] = Result(tuple(seeds), np.array([one.pixels for one in each]), tuple(one.lines for one in each))
    return out


def table(found: Mapping[str, Result], start: Floats) -> str:
    """How far each method gets, and its difference to PPO over the same seeds and levels."""
    first = statistics.fmean(lines[0]["reward/mean"] for one in found.values() for lines in one.lines)
    out = [
        f"The start: {Spread(float(start.mean()), *_pair(start))} pixels on the {len(start)} levels, mean return "
        f"{first:,.0f}. Turns to +{BETTER - 1:.0%}: until the mean return of {SMOOTH} updates was over "
        f"{BETTER * first:,.0f}, median of the seeds.",
        "",
        "| method | seeds | turns each | pixels | less the start | less turn-level PPO | turns to +25% |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method, one in found.items():
        base = found.get("ppo")
        common = [seed for seed in one.seeds if base is not None and seed in base.seeds and method != "ppo"]
        against = "" if method == "ppo" else "not yet"
        if common and base is not None:
            mine, theirs = (each.pixels[[each.seeds.index(seed) for seed in common]] for each in (one, base))
            against = f"{crossed(mine - theirs)}"
        at = statistics.median(reached(lines, BETTER * first) for lines in one.lines)
        out.append(
            f"| {METHODS[method].title} | {', '.join(map(str, one.seeds))} | {min(one.turns):,.0f} to "
            f"{max(one.turns):,.0f} | {crossed(one.pixels)} | {crossed(one.pixels - start)} | {against} | "
            f"{'not reached' if math.isinf(at) else f'{at:,.0f}'} |"
        )
    return "\n".join(out) + "\n"


def _pair(values: Floats) -> tuple[float, float]:
    low, high = mean_interval(values.tolist())
    return float(values.mean()) if low is None else low, float(values.mean()) if high is None else high


WATCHED = {  # columns of the second table
    "share of A > 0": "advantage/positive",
    "log-probability of a token": "actor/sampler_logprob",
    "distinct thoughts": "thought/distinct",
    "true statements": "thought/true",
    "unparsed turns": "rollout/unparsed",
    "explained variance": "critic/explained_var",
}
OF_A_MODEL = ("actor/sampler_logprob", "thought/distinct", "thought/true", "rollout/unparsed")  # of no method


def watched(found: Mapping[str, Result]) -> str:
    """Means over the last five updates of all seeds; of the start, over the first update of all trainings."""
    known = {name for one in found.values() for lines in one.lines for line in lines for name in line}
    shown = {title: name for title, name in WATCHED.items() if name in known}
    first = [lines[0] for one in found.values() for lines in one.lines]
    rows = {"the start": [{name: line[name] for name in OF_A_MODEL if name in line} for line in first]}
    rows |= {
        METHODS[method].title: [line for lines in one.lines for line in lines[-SMOOTH:]]
        for method, one in found.items()
    }
    out = [f"| method | {' | '.join(shown)} |", "| --- |" + " --- |" * len(shown)]
    for title, lines in rows.items():
        values = [[line[name] for line in lines if name in line] for name in shown.values()]
        cells = [f"{statistics.fmean(one):.3f}" if one else "" for one in values]
        out.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(out) + "\n"


def parquet(found: Mapping[str, Result], start: Floats, folder: Path) -> None:
    """`ablation-curves.parquet`, a row an update, and `ablation-levels.parquet`, a row a level."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    curves: list[dict[str, Any]] = []
    levels: list[dict[str, Any]] = [
        {"method": "start", "seed": 0, "level": at, "pixels": far} for at, far in enumerate(start)
    ]
    for method, one in found.items():
        for seed, lines, far in zip(one.seeds, one.lines, one.pixels, strict=True):
            turns = np.cumsum([line["rollout/turns"] for line in lines])
            curves += [
                {"method": method, "seed": seed, "turns": at, **line}
                for at, line in zip(turns.tolist(), lines, strict=True)
            ]
            levels += [
                {"method": method, "seed": seed, "level": at, "pixels": each} for at, each in enumerate(far.tolist())
            ]
    names = sorted({name for row in curves for name in row})
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: [row.get(name) for row in curves] for name in names}), folder / CURVES)
    pq.write_table(pa.Table.from_pylist(levels), folder / LEVELS)


def plot(found: Mapping[str, Result], start: Floats, file: Path) -> None:
    """Mean returns over turns, and how far each gets at the end."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (curves, ends) = pyplot.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    for number, (method, one) in enumerate(found.items()):
        colour = f"C{number % 10}"
        series = []
        for lines in one.lines:
            turns, means = np.cumsum([x["rollout/turns"] for x in lines]), smooth([x["reward/mean"] for x in lines])
            curves.plot(turns, means, color=colour, alpha=0.25, linewidth=0.8)
            series.append((turns, means))
        grid = np.linspace(max(t[0] for t, _ in series), min(t[-1] for t, _ in series), 60)
        curves.plot(
            grid, np.mean([np.interp(grid, *each) for each in series], 0), color=colour, label=METHODS[method].title
        )
        far = crossed(one.pixels)
        ends.errorbar(
            [far.mean], [-number], xerr=[[far.mean - far.low], [far.high - far.mean]], fmt="o", color=colour, capsize=3
        )
    ends.axvline(float(start.mean()), color="grey", linestyle=":", label="the start")
    ends.set(title="pixels on validation levels, 95% intervals", yticks=[-at for at in range(len(found))])
    ends.set_yticklabels([f"{METHODS[m].title} ({len(one.seeds)})" for m, one in found.items()])
    ends.legend(fontsize=8)
    curves.set(title=f"mean return of a match on train levels, {SMOOTH} updates", xlabel="turns")
    curves.grid(alpha=0.3)
    curves.legend(fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=90)


def report(out: Path, docs: Path, turns: int) -> None:
    """Everything that was reported in `docs` before, with what is finished in `out` added or in its place."""
    before, start_before = published(docs / "results", turns)
    new = finished(out, turns)
    if not new:
        print(f"{out} has no training of {turns:,} turns that is measured")
        return
    begun = pixels(out / "start.levels.json")
    if start_before and begun != start_before:
        raise SystemExit(
            f"{docs / 'results'} is of trainings that began with another model: it gets "
            f"{statistics.fmean(start_before):,.1f} pixels, that of {out} {statistics.fmean(begun):,.1f}. "
            "Name another folder as --docs."
        )
    found = results(before | new)
    start = np.array(begun)
    parquet(found, start, docs / "results")
    plot(found, start, docs / "curves" / "ablation.png")
    text = f"{BEGIN}\n{table(found, start)}\n{watched(found)}{END}\n"
    file = docs / "ablation.md"
    old = file.read_text(encoding="utf-8") if file.exists() else f"# Ablation\n\n{BEGIN}\n{END}\n"
    head, _, rest = old.partition(BEGIN)
    file.write_text(head + text + rest.partition(f"{END}\n")[2], encoding="utf-8")
    print(text)
