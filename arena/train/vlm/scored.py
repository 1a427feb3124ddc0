"""What the evaluations of a training scored. Nothing of torch is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from arena.evaluate.table import ScoreRow
from arena.figures import NO_INTERVAL
from arena.record.reader import Run

EVALUATIONS, THOUGHTS = "evaluations", "thoughts.json"
TRUE = "true"
SHOWN = {TRUE: "with its pictures", "blank": "with blank pictures", "shuffled": "with pictures of other turns"}
STATEMENTS = ("thought/true", "thought/true_kind")  # shares that an evaluation's THOUGHTS tell


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


def true_shares(out: Path, update: int) -> dict[str, float]:
    """By the pictures shown, which share of what the trained model says of them is true, word for word.

    Without those evaluations that make no statements, or were not scored.
    """
    found = {shown: folder_of(out, update, shown) / THOUGHTS for shown in SHOWN}
    shares = {
        shown: msgspec.json.decode(path.read_bytes(), type=dict[str, float]).get(STATEMENTS[0])
        for shown, path in found.items()
        if path.is_file()
    }
    return {shown: share for shown, share in shares.items() if share is not None}


def best(out: Path) -> int | None:
    """The update whose evaluation has the highest mean score over its games; the earliest of equals.

    Of those that were played by the plan of the newest: others cannot be compared. The start is none: who wants what a
    training made of it wants no checkpoint that equals it.
    """
    found = defaultdict[int, list[float]](list)
    for one in scores(out):
        if one.update and one.trained and one.shown == TRUE:
            found[one.update].append(one.score)
    plans = {update: Run(folder_of(out, update)).head.plan for update in found}
    alike = [update for update in found if plans[update] == plans[max(plans)]]
    return max(alike, key=lambda update: (sum(found[update]) / len(found[update]), -update), default=None)


def moment(update: int) -> str:
    """When an evaluation was."""
    return f"after update {update}" if update else "before training"


def figure(value: float) -> str:
    """A score with its sign."""
    return f"{value:+,.0f}" if abs(value) >= 1000 else f"{value:+.3g}"


def interval(low: float | None, high: float | None) -> str:
    """The 95% interval of a score, or that there is none."""
    return f"({NO_INTERVAL})" if low is None or high is None else f"[{figure(low)}, {figure(high)}]"
