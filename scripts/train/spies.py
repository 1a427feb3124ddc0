"""Trains nano at "who is the spy" by Iterative-SPO, three seeds, and measures each against the model it began with.

    python -m scripts.train.spies train --out work/spies                  # resumable; --seeds 0 for one of them
    python -m scripts.train.spies measure --out work/spies --json work/spies/spy.json --plot work/spies/curve

measure: matches of one player among players of the other weights, of equal deals in equal seats, so that what differs
is the weights: the trained one among the start, and the start among trained ones, who wins in which role. Then votes
at given clues (votes.py): the start, the snapshots and the end vote at the clues that each of them gave; votes that
are better at the clues of every version are no mere co-adaptation. 95% intervals over deals; differences deal by deal.
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
from arena.evaluate.intervals import mean_interval
from arena.log import EndLine
from arena.record.measured import measures_of
from arena.record.reader import Run
from arena.record.replay import Replay, execute
from arena.train.vlm.config import VlmConfig, load
from arena.train.vlm.crossplay import ONE, one_among
from scripts.train import selfplay
from scripts.train.selfplay import START, Row
from scripts.train.votes import KINDS, Measured, Numbers, votes_of

PRESET = "spy-nano"
SEED = 1  # of what is measured: deals that no training draws
COLUMNS = (
    "seed",
    "update",
    "turns",
    "spo/stage",
    "spo/vote_accuracy",
    "spo/vote_na",
    "reward/spy",
    "reward/civilian",
)
MEASURES = ("right", "na", "spy", "civilian")  # votes that are right, votes for nobody, matches won in a role
AMONG, AROUND, VOTES = "trained among start", "start among trained", "votes at the start's clues"
Version = tuple[str, Path | None]
AT_START: Version = (START, None)


def met(config: VlmConfig, one: Version, others: Version, out: Path, matches: int) -> Run:
    """The matches of `one` among players with the weights of `others`."""
    game, how = config.rollout.levels[0], config.rollout
    return one_among(game, how.operator, one, others, out, matches=matches, seed=SEED, concurrency=how.concurrency)


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
    """The trained weights among the start, and the start among the trained ones."""
    end = last(trained)
    return {
        AMONG: numbers(met(config, end, AT_START, out / "trained-start", matches)),
        AROUND: numbers(met(config, AT_START, end, out / "start-trained", matches)),
    }


def last(trained: Path) -> Version:
    weights = selfplay.newest(trained)
    return weights.name, weights


def table(found: Sequence[Mapping[str, Measured]], base: Mapping[str, Measured]) -> dict[str, Any]:
    """What was measured of one training or of several, with what it is more than the start did in its place."""
    out: dict[str, Any] = {}
    for who, start in base.items():
        out[who] = {"start": {name: one.told() for name, one in start.items()}}
        if len(found) == 1:
            out[who]["trained"] = {name: one.told() for name, one in found[0][who].items()}
        out[who]["less the start"] = {
            name: difference([one[who][name] for one in found], start[name]) for name in start
        }
    return out


def circle(config: VlmConfig, trained: Path, out: Path, matches: int) -> dict[str, Any]:
    """Every version's votes at the clues of every version: rows are who votes, columns whose clues."""
    game, operator = config.rollout.levels[0], config.rollout.operator
    weights = list(selfplay.versions(trained).items())
    runs = [met(config, one, one, out / one[0], matches) for one in weights]
    votes = [[votes_of(run, game, operator, one) for run in runs] for one in weights]
    return (
        {"names": [name for name, _ in weights], "matches": matches}
        | {name: [[made[name].told() for made in row] for row in votes] for name in KINDS.values()}
        | {
            f"{name}, less the start": [
                [difference([made[name]], votes[0][at][name]) for at, made in enumerate(row)] for row in votes[1:]
            ]
            for name in KINDS.values()
        }
    )


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
    """Measures all seeds; matches that were played before are not played again."""
    config, folder = settings_of(given.settings), given.out / "measured"
    game, operator = config.rollout.levels[0], config.rollout.operator
    results = dict[str, Any](game=game, seed=SEED, seeds={})
    rows, found = list[Row](), list[dict[str, Measured]]()
    alone = met(config, AT_START, AT_START, folder / "start", max(given.matches, given.clues))
    start = numbers(alone)
    base = {AMONG: start, AROUND: start, VOTES: votes_of(alone, game, operator, AT_START)}
    for seed in given.seeds:
        trained = given.out / f"spy-{seed}"
        if not (trained / "metrics.jsonl").is_file():
            raise InputError(f"{trained} holds no training: run `python -m scripts.train.spies train` first")
        rows += [{"seed": seed, **row} for row in selfplay.curve(trained, COLUMNS)]
        made = against(config, trained, folder / str(seed), given.matches)
        made[VOTES] = votes_of(alone, game, operator, last(trained))
        found.append(made)
        results["seeds"][seed] = table([made], base)
        if given.cross:
            results["seeds"][seed]["cross_play"] = circle(config, trained, folder / f"{seed}-cross", given.cross)
        print(f"seed {seed}", json.dumps(results["seeds"][seed]), flush=True)
    results["mean of the seeds"] = table(found, base)
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
    parser.add_argument("--matches", type=int, default=240, help="of the one trained, and of the one of the start")
    parser.add_argument("--clues", type=int, default=720, help="matches of the start, at whose clues the trained vote")
    parser.add_argument("--cross", type=int, default=240, help="the same of every version, for all of them; 0: none")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="the curves: this name with .csv and .png")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    selfplay.run(arguments(words), PRESET, "spy", report)


if __name__ == "__main__":
    main()
