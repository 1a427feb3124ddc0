"""What the folder of a training says of it, in words. Nothing of torch is needed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from arena import commands
from arena.evaluate.intervals import mean_interval
from arena.evaluate.table import ScoreRow
from arena.figures import NO_INTERVAL
from arena.log import EndLine, MatchLine
from arena.record.reader import Run
from arena.train.vlm import begun, spo

METRICS, EVALUATIONS, SAMPLES = "metrics.jsonl", "evaluations", "samples"
TRUE = "true"
SHOWN = {TRUE: "with its pictures", "blank": "with blank pictures", "shuffled": "with pictures of other turns"}
LAST = {  # of the last update
    "thought/true": "true statements",
    "actor/entropy": "entropy",
    "critic/explained_var": "explained variance",
    "rollout/unparsed": "unparsed",
    "rollout/dropped": "turns not learnt from",
}


class Scored(NamedTuple):
    """What the trained operator, or another one beside it, scored at a game in an evaluation."""

    update: int
    shown: str  # "true", "blank" or "shuffled": the pictures of the trained one
    trained: bool
    start: bool  # the model that is trained, as it was before
    game: str
    row: ScoreRow
    score: float

    def words(self) -> str:
        """The score with its interval."""
        return f"{figure(self.score)} {interval(self.row.low, self.row.high)}"


def folder_of(out: Path, update: int, shown: str = TRUE) -> Path:
    """The run of an evaluation."""
    return out / EVALUATIONS / (f"{update:06d}" if shown == TRUE else f"{update:06d}-{shown}")


def scores(out: Path) -> Iterator[Scored]:
    """Of all evaluations of a training that are complete, in order."""
    for folder in sorted((out / EVALUATIONS).glob("[0-9]*")):
        if not (folder / "run.json").is_file():
            continue
        run, (number, _, shown) = Run(folder), folder.name.partition("-")
        given = {one.name: one.given for one in run.head.games[0].operators}
        first = next(iter(given))
        for table in run.recorded_tables() or ():
            for row in table.rows:
                trained = row.operator == first
                if row.score is not None and (trained or not shown):
                    start = not trained and given.get(row.operator) == given[first]
                    yield Scored(int(number), shown or TRUE, trained, start, table.game, row, row.score)


def best(out: Path) -> int | None:
    """The update whose evaluation has the highest mean score over its games; the earliest of equals."""
    found = defaultdict[int, list[float]](list)
    for one in scores(out):
        if one.trained and one.shown == TRUE:
            found[one.update].append(one.score)
    return max(found, key=lambda update: (sum(found[update]) / len(found[update]), -update), default=None)


def use(out: Path, update: int | None = None) -> list[str]:
    """What an evaluation (None: the newest) says: scores, and what the policy uses of its pictures."""
    found = list(scores(out))
    update = max((one.update for one in found), default=0) if update is None else update
    mine = [one for one in found if one.update == update]
    hidden = any(one.shown != TRUE for one in mine)
    lines = []
    for number, game in enumerate(dict.fromkeys(one.game for one in mine)):
        here = [one for one in mine if one.game == game]
        trained = [f"{one.words()} {SHOWN[one.shown]}" if hidden else one.words() for one in here if one.trained]
        told = [f"the trained model {', '.join(trained)}", *_others([one for one in here if not one.trained])]
        lines.append(f"after update {update}, {game}: {', '.join(told)}{_stage(out, update)}")
        lost = [
            f"{figure(mean)} {interval(low, high)} {SHOWN[one.shown]}"
            for one in here
            if one.trained and one.shown != TRUE
            for mean, low, high in _lost(out, update, one.shown, number)
        ]
        if lost:
            lines.append(f"what it loses so, start by start, is what it uses of its pictures: {', '.join(lost)}")
    return lines


def _lost(out: Path, update: int, shown: str, game: int) -> Iterator[tuple[float, float | None, float | None]]:
    """How much more the trained model got with its pictures than with others: mean and 95% t-interval over starts."""
    true, other = (_returns(folder_of(out, update, one), game) for one in (TRUE, shown))
    differences = [true[start] - other[start] for start in sorted(true.keys() & other.keys())]
    if differences:
        yield sum(differences) / len(differences), *mean_interval(differences)


def _returns(folder: Path, game: int) -> dict[int, float]:
    """The mean return of the trained model by start, in the matches of a run, of one of its games."""
    run, found = Run(folder), defaultdict[int, list[float]](list)
    name = next(iter(run.head.games[game].operators)).name
    for first, *_, last in run.played():
        if isinstance(first, MatchLine) and isinstance(last, EndLine) and first.game_index == game and last.returns:
            found[first.block] += [last.returns[seat] for seat, who in enumerate(first.seats) if who == name]
    return {block: sum(one) / len(one) for block, one in found.items() if one}


def _others(seated: list[Scored]) -> list[str]:
    """Who sat beside the trained model. What it began as may have several seats: one mean, since they are one model."""
    start = [one for one in seated if one.start]
    told = [f"{one.row.operator} {one.words()}" for one in seated if not one.start]
    if len(start) == 1:
        told.insert(0, f"the model as it began {start[0].words()}")
    elif start:
        mean = sum(one.score for one in start) / len(start)
        told.insert(0, f"the {len(start)} others (the model as it began) {figure(mean)}")
    return told


def _stage(out: Path, update: int) -> str:
    """What an update of Iterative-SPO trained, and how its votes were."""
    found = next((one for one in _metrics(out) if one["update"] == update), {})
    if "spo/stage" not in found:
        return ""
    right = f", {found['spo/vote_accuracy']:.0%} of votes right" if "spo/vote_accuracy" in found else ""
    return f"; stage {spo.STAGES[int(found['spo/stage'])]}{right}"


def _metrics(out: Path) -> list[dict[str, Any]]:
    file = out / METRICS
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]  # the last one may be being written


def figure(value: float) -> str:
    """A score with its sign."""
    return f"{value:+,.0f}" if abs(value) >= 1000 else f"{value:+.3g}"


def interval(low: float | None, high: float | None) -> str:
    """The 95% interval of a score, or that there is none."""
    return f"({NO_INTERVAL})" if low is None or high is None else f"[{figure(low)}, {figure(high)}]"


def sentences(out: Path) -> list[str]:
    """What was trained, how far it came, its last update, its evaluations, and where everything is.

    RecordError when its head is damaged.
    """
    head = begun.read_head(out)
    config = head["config"]
    how, rollout = config["learn"], config["rollout"]
    last: dict[str, Any] = next(reversed(_metrics(out)), {})
    checkpoints = sorted(path.name for path in (out / begun.CHECKPOINTS).glob("[0-9]" * 6))
    done, wanted = int(last.get("update", checkpoints[-1] if checkpoints else 0)), head["updates"]
    games = ", ".join(rollout["levels"][:3]) + (" and others" if len(rollout["levels"]) > 3 else "")
    told = [
        f"{rollout['operator']} is trained on {games}: {done} of {wanted} updates of {rollout['matches']} matches, "
        f"{how['algorithm']}, {config['model']['mode']} weights, learning rate {how['learning_rate']:g}, "
        f"seed {config['seed']}"
    ]
    if last:
        more = [f"{label} {last[name]:.3g}" for name, label in LAST.items() if name in last]
        mean = f"return {round(last['reward/mean'], 9) + 0.0:.5g} ± {last['reward/stderr']:.3g}"
        turns = f"{last['rollout/turns']:,.0f} turns"
        told.append(f"last update: {', '.join([mean, turns, *more])}")
    top = best(out)
    newest = max((one.update for one in scores(out)), default=None)
    if top is not None and top != newest:
        told += [f"best evaluation {line}" for line in use(out, top)[:1]]
    told += use(out)
    if checkpoints:
        kept = f", {out / begun.CHECKPOINTS / f'{top:06d}'} the best" if top and f"{top:06d}" in checkpoints else ""
        told.append(f"{out / begun.CHECKPOINTS / checkpoints[-1]} is the newest checkpoint{kept}")
        told.append(f"a model that plays: {commands.arena('export', 'model', str(out), 'DIR')}")
    elif done:
        told.append("it has no checkpoint: who goes on begins anew")
    if pages := sorted((out / SAMPLES).glob("*.html")):
        told.append(f"turns to look at: {pages[-1]}")
    if done < wanted:
        told.append(f"go on with: {begun.again(out)}")
    return told
