"""Trains nano at "who is the spy" by Iterative-SPO, three seeds, and measures each against the model it began with.

    python -m scripts.train.spies train --out work/spies                  # resumable; --seeds 0 for one of them
    python -m scripts.train.spies measure --out work/spies --json work/spies/spy.json --plot work/spies/curve

measure: matches of one player among players of the other weights, of equal deals in equal seats, so that what differs
is the weights. Trained among the start: how often its votes as a civilian are right and "n/a", all other clues being
the start's, and how often it wins in each role. The start among trained: how often its spy wins. Then the start, the
snapshots and the end, each as the one among each: votes that are better at the clues of every version are no mere
co-adaptation. 95% intervals over deals; differences deal by deal.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from arena import declared
from arena.errors import InputError
from arena.evaluate.intervals import BlockShare, mean_interval
from arena.log import EndLine
from arena.record.measured import measures_of
from arena.record.reader import Run
from arena.record.replay import Replay, execute
from arena.train.vlm.config import VlmConfig, load
from arena.train.vlm.crossplay import ONE, one_among
from scripts.train import selfplay
from scripts.train.selfplay import START, Row

PRESET = "spy-nano"
SEED = 1  # of what is measured: deals that no training draws
COLUMNS = ("seed", "update", "turns", "spo/stage", "spo/vote_accuracy", "spo/vote_na", "reward/spy", "reward/civilian")
MEASURES = ("right", "na", "spy", "civilian")  # votes that are right, votes for nobody, matches won in a role
Version = tuple[str, Path | None]


class Numbers:
    """Shares by deal: of each, how many there are, and their sum."""

    def __init__(self) -> None:
        self.by_deal: dict[int, tuple[int, float]] = {}

    def add(self, deal: int, value: float) -> None:
        count, total = self.by_deal.get(deal, (0, 0.0))
        self.by_deal[deal] = count + 1, total + value

    def of(self, deal: int) -> float:
        count, total = self.by_deal[deal]
        return total / count

    def told(self) -> dict[str, Any]:
        """The share, its 95% interval over deals (Wilson's), and of how many."""
        share = BlockShare()
        for count, total in self.by_deal.values():
            share.add(count, total)
        low, high = share.interval or (None, None)
        return {"score": share.mean, "low": low, "high": high, "count": sum(n for n, _ in self.by_deal.values())}


Measured = dict[str, Numbers]


def measure(config: VlmConfig, one: Version, others: Version, out: Path, matches: int, seed: int = SEED) -> Measured:
    """What `one` did among players with the weights of `others`, by MEASURES."""
    game, how = config.rollout.levels[0], config.rollout
    run = one_among(game, how.operator, one, others, out, matches=matches, seed=seed, concurrency=how.concurrency)
    return numbers(run)


def numbers(run: Run) -> Measured:
    """Of the player ONE, in the matches of a run that came to their end."""
    found = {name: Numbers() for name in MEASURES}
    kinds: dict[tuple[str, str, tuple[str, ...]], str] = {
        ("votes", "right", ()): "right",
        ("votes", "n/a", ()): "na",
        ("won", "won", ("spy",)): "spy",
        ("won", "won", ("civilian",)): "civilian",
    }
    with closing(Replay(run)) as replay:
        ((_, game, _),) = replay.games
        tell = measures_of(game)
        if tell is None:
            raise InputError(f"{game.spec.id} measures nothing: this script is for spy")
        for lines in run.played():
            plan, end = run.plan(lines[0]), lines[-1]
            if not isinstance(end, EndLine) or end.returns is None:
                continue
            for _ in execute(replay.match(plan), lines):
                pass
            mine = [operator.name for operator in replay.seated(plan)].index(ONE)
            for what in tell.of(game, end.returns):
                name = kinds.get((what.table, what.column, tuple(what.names)))
                if what.seat == mine and name is not None:
                    found[name].add(plan.block, float(what.value))
    return found


def difference(of: Sequence[Numbers], less: Numbers) -> dict[str, Any]:
    """The mean of some less another one, over the deals that all of them have, with its 95% interval (Student's).

    None where all differences are equal: they say nothing of how sure the mean is.
    """
    deals = [deal for deal in less.by_deal if all(deal in one.by_deal for one in of)]
    gains = [float(np.mean([one.of(deal) for one in of])) - less.of(deal) for deal in deals]
    if not gains:
        return {"count": 0}
    low, high = mean_interval(gains) if len({*gains}) > 1 else (None, None)
    return {"score": float(np.mean(gains)), "low": low, "high": high, "count": len(gains)}


def against(config: VlmConfig, trained: Path, out: Path, matches: int) -> dict[str, Measured]:
    """The trained weights among the start, the start among the trained ones, and the start among itself."""
    last = selfplay.newest(trained)
    end: Version = (last.name, last)
    start: Version = (START, None)
    return {
        "trained among start": measure(config, end, start, out / "trained-start", matches),
        "start among trained": measure(config, start, end, out / "start-trained", matches),
        "start among start": measure(config, start, start, out.parent / "start", matches),
    }


def table(found: Sequence[Mapping[str, Measured]]) -> dict[str, Any]:
    """What was measured of one training or of several, with what it is more than at the start."""
    base = found[0]["start among start"]
    out: dict[str, Any] = {"start": {name: base[name].told() for name in MEASURES}}
    for who in ("trained among start", "start among trained"):
        if len(found) == 1:
            out[who] = {name: found[0][who][name].told() for name in MEASURES}
        out[f"{who}, less the start"] = {
            name: difference([one[who][name] for one in found], base[name]) for name in MEASURES
        }
    return out


def circle(config: VlmConfig, trained: Path, out: Path, matches: int) -> dict[str, Any]:
    """Every version as the one among every version: rows are the one, columns the others."""
    weights = list(selfplay.versions(trained).items())
    cells: dict[str, list[list[dict[str, Any]]]] = {name: [] for name in MEASURES}
    for one in weights:
        found = [measure(config, one, two, out / f"{one[0]}-{two[0]}", matches) for two in weights]
        for name in MEASURES:
            cells[name].append([made[name].told() for made in found])
    return {"names": [name for name, _ in weights], "matches": matches, **cells}


def drawn(rows: Sequence[Row], axes: Any) -> None:
    """The accuracy of votes by turns, a line a seed; circles where clues were trained."""
    by_seed = defaultdict[float, list[Row]](list)
    for row in rows:
        by_seed[row["seed"]].append(row)
    for seed, mine in by_seed.items():
        (line,) = axes.plot([r["turns"] for r in mine], [r["spo/vote_accuracy"] for r in mine], label=f"seed {seed:g}")
        clues = [row for row in mine if row["spo/stage"] == 1]
        axes.plot([r["turns"] for r in clues], [r["spo/vote_accuracy"] for r in clues], "o", ms=3, c=line.get_color())
    axes.legend()
    axes.set(xlabel="turns", ylabel="right votes (circles: clues trained)", ylim=(0, 1))


def settings_of(settings: Sequence[str]) -> VlmConfig:
    return declared.changed(load(PRESET, None), tuple(settings))


def report(given: argparse.Namespace) -> dict[str, Any]:
    """Measures all seeds; what was played before is not played again."""
    config = settings_of(given.settings)
    rows, found, results = list[Row](), [], dict[str, Any](game=config.rollout.levels[0], seed=SEED, seeds={})
    for seed in given.seeds:
        trained = given.out / f"spy-{seed}"
        if not (trained / "metrics.jsonl").is_file():
            raise InputError(f"{trained} holds no training: run `python -m scripts.train.spies train` first")
        rows += [{"seed": seed, **row} for row in selfplay.curve(trained, COLUMNS)]
        made = against(config, trained, given.out / "measured" / str(seed), given.matches)
        found.append(made)
        results["seeds"][seed] = table([made])
        if given.cross:
            cross = given.out / "measured" / f"{seed}-cross"
            results["seeds"][seed]["cross_play"] = circle(config, trained, cross, given.cross)
        print(f"seed {seed}", json.dumps(results["seeds"][seed]), flush=True)
    results["mean of the seeds"] = table(found)
    results["curve"] = rows
    if given.plot:
        selfplay.keep(rows, COLUMNS, given.plot, lambda axes: drawn(rows, axes))
    return results


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "measure"))
    parser.add_argument("--out", type=Path, default=Path("work/spies"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as of arena train vlm")
    parser.add_argument("--matches", type=int, default=600, help="of each of the three tables against the start")
    parser.add_argument("--cross", type=int, default=120, help="matches of each pair of versions; 0: none")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="the curves: this name with .csv and .png")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    selfplay.run(arguments(words), PRESET, "spy", report)


if __name__ == "__main__":
    main()
