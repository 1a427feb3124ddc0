"""What the folder of a training says of it, in words. Nothing of torch is needed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from arena import commands
from arena.errors import RecordError
from arena.evaluate.table import ScoreRow
from arena.record.reader import Run

HEAD, METRICS, CHECKPOINTS, EVALUATIONS, SAMPLES = (
    "vlm.json",
    "metrics.jsonl",
    "checkpoints",
    "evaluations",
    "samples",
)
TRUE = "true"
SHOWN = {TRUE: "with its pictures", "blank": "with blank pictures", "shuffled": "with pictures of other turns"}
LAST = {  # of the last update
    "thought/true": "true statements",
    "actor/entropy": "entropy",
    "critic/explained_var": "explained variance",
    "rollout/unparsed": "unparsed",
}


class Scored(NamedTuple):
    """What the trained operator, or another one beside it, scored at a game in an evaluation."""

    update: int
    shown: str  # "true", "blank" or "shuffled": the pictures of the trained one
    trained: bool
    game: str
    row: ScoreRow

    def words(self) -> str:
        """The score with its interval."""
        low, high = self.row.low, self.row.high
        span = f" [{low:,.5g}, {high:,.5g}]" if low is not None and high is not None else ""
        return f"{self.row.score:,.5g}{span}"


def folder_of(out: Path, update: int, shown: str = TRUE) -> Path:
    """The run of an evaluation."""
    return out / EVALUATIONS / (f"{update:06d}" if shown == TRUE else f"{update:06d}-{shown}")


def scores(out: Path) -> Iterator[Scored]:
    """Of all evaluations of a training that are complete, in order."""
    for folder in sorted((out / EVALUATIONS).glob("[0-9]*")):
        if not (folder / "run.json").is_file():
            continue
        run, (number, _, shown) = Run(folder), folder.name.partition("-")
        first = run.head.games[0].operators[0].name
        for table in run.recorded_tables() or ():
            for row in table.rows:
                if row.score is not None and (row.operator == first or not shown):
                    yield Scored(int(number), shown or TRUE, row.operator == first, table.game, row)


def best(out: Path) -> int | None:
    """The update whose evaluation has the highest mean score over its games; the earliest of equals."""
    found = defaultdict[int, list[float]](list)
    for one in scores(out):
        if one.trained and one.shown == TRUE and one.row.score is not None:
            found[one.update].append(one.row.score)
    return max(found, key=lambda update: (sum(found[update]) / len(found[update]), -update), default=None)


def use(out: Path, update: int | None = None) -> list[str]:
    """What an evaluation (None: the newest) says: scores, and what the policy uses of its pictures."""
    found = list(scores(out))
    update = max((one.update for one in found), default=0) if update is None else update
    mine = [one for one in found if one.update == update]
    lines = []
    for game in dict.fromkeys(one.game for one in mine):
        told = [f"{one.words()} {SHOWN.get(one.shown, one.shown)}" for one in mine if one.trained and one.game == game]
        others = [f"{one.row.operator} {one.words()}" for one in mine if not one.trained and one.game == game]
        lines.append(f"after update {update}, {game}: {'; '.join([*told, *others])}")
    if any(one.shown != TRUE for one in mine):
        lines.append("what it loses without its pictures is what the policy uses of them")
    return lines


def sentences(out: Path) -> list[str]:
    """What was trained, how far it came, its last update, its evaluations, and where everything is.

    RecordError when its head is damaged.
    """
    head = _json(out / HEAD)
    config = head["config"]
    how, rollout = config["learn"], config["rollout"]
    metrics = out / METRICS
    lines = [one for one in metrics.read_text().splitlines() if one] if metrics.is_file() else []
    last: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    done, wanted = int(last.get("update", 0)), head["updates"]
    games = ", ".join(rollout["levels"][:3]) + (" and others" if len(rollout["levels"]) > 3 else "")
    told = [
        f"{rollout['operator']} is trained on {games}: {done} of {wanted} updates of {rollout['matches']} matches, "
        f"{how['algorithm']}, {config['model']['mode']} weights, learning rate {how['learning_rate']:g}, "
        f"seed {config['seed']}"
    ]
    if last:
        more = [f"{label} {last[name]:.3g}" for name, label in LAST.items() if name in last]
        mean = f"return {last['reward/mean']:.5g} ± {last['reward/stderr']:.3g}"
        turns = f"{last['rollout/turns']:,.0f} turns"
        told.append(f"last update: {', '.join([mean, turns, *more])}")
    top = best(out)
    newest = max((one.update for one in scores(out)), default=None)
    if top is not None and top != newest:
        told += [f"best evaluation {line}" for line in use(out, top)[:1]]
    told += use(out)
    checkpoints = sorted(path.name for path in (out / CHECKPOINTS).glob("[0-9]*"))
    if checkpoints:
        kept = f", {out / CHECKPOINTS / f'{top:06d}'} the best" if top and f"{top:06d}" in checkpoints else ""
        told.append(f"{out / CHECKPOINTS / checkpoints[-1]} is the newest checkpoint{kept}")
        told.append(f"a model that plays: {commands.arena('export', 'model', str(out), 'DIR')}")
    if pages := sorted((out / SAMPLES).glob("*.html")):
        told.append(f"turns to look at: {pages[-1]}")
    if done < wanted:
        told.append("go on with the command that began it, and --resume exact")
    return told


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        assert isinstance(found, dict)
    except (OSError, ValueError, AssertionError) as error:
        raise RecordError(f"{path} is damaged: {error}") from error
    return found
