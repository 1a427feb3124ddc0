"""Does the shipped model beat chance at every game that it was taught? An evaluation a game, on seeds of its own.

    python scripts/eval/taught.py --out work/taught                      # run it again: it goes on
    python scripts/eval/taught.py --operator vlm:DIR --games maze,spy    # another model, some of the games
    python scripts/eval/taught.py --docs docs                            # docs/results/taught.json and the table

Both play equal deals, every one in every seat order; `scripted` plays too, to say how far chance is from a good player.
At a table of spy three are always `scripted`, or two and the other: where clues say nothing, votes cannot tell.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from arena.evaluation import Evaluation

SEED = 2_026  # teachers and trainings use others
BEGIN, END = "<!-- taught: written by scripts/eval/taught.py -->", "<!-- taught: end -->"


EVALUATION = Evaluation(name="taught", games=("kuhn@seats=2",), operators=("vlm", "random"), blocks=1, seed=SEED)


class Table(NamedTuple):
    """How a game is played for the table."""

    name: str
    blocks: int
    others: tuple[str, ...] = ("random", "scripted")


TABLES = {
    "holdem": Table("holdem@seats=2@hands=4", 60),
    "leduc": Table("leduc@seats=2", 200),
    "kuhn": Table("kuhn@seats=2", 300),
    "connect_four": Table("connect_four@opening=4", 120),
    "numberline": Table("numberline@seats=1", 100),
    "ezpoints": Table("ezpoints@seats=1", 100),
    "points24": Table("points24@seats=1@solvable=only", 100),
    "blackjack": Table("blackjack@seats=1", 600),
    "maze": Table("maze@seats=1", 300),
    "jigsaw": Table("jigsaw@seats=1", 200),
    "jigsaw rotation": Table("jigsaw@seats=1@kind=rotation", 200),
    "jigsaw patch": Table("jigsaw@seats=1@kind=patch", 200),
    "spy": Table("spy@seats=4", 8, ("random", "scripted", "scripted", "scripted")),
    "race": Table("race@set=heldout@horizon=80", 10),
    "sidescroller": Table("sidescroller@seats=1@set=heldout", 40),
    "mario": Table("mario:1-1@seats=1@noops=30", 30),
}


class Row(NamedTuple):
    """What came of a game: means a match in its unit, and the operator's difference to chance with its 95% interval."""

    game: str
    blocks: int
    unit: str
    score: float
    random: float
    scripted: float
    difference: float
    low: float | None  # None: the same in every block
    high: float | None
    faults: int
    turns: int


def play(game: str, operator: str, out: Path) -> Path:
    """The run of a game; one that was stopped goes on."""
    how, folder = TABLES[game], out / game.replace(" ", "-")
    if not (folder / "analysis.json").exists():
        pool = ",".join((operator, *how.others))
        words = ["--set", f"games={how.name}", "--set", f"operators={pool}", "--set", f"blocks={how.blocks}", "--quiet"]
        words += ["--resume" if (folder / "run.json").exists() else "--out", str(folder)]
        subprocess.run(
            [sys.executable, "-m", "arena", "evaluate", __file__, *words], check=True, stdout=subprocess.DEVNULL
        )
    return folder


def row(game: str, run: Path) -> Row:
    """What the run's analysis says."""
    [table] = json.loads((run / "results.json").read_text(encoding="utf-8"))
    [found] = json.loads((run / "analysis.json").read_text(encoding="utf-8"))["games"]
    mine, *_ = table["rows"]
    scores = {one["operator"]: one["score"] for one in table["rows"]}
    [against] = [one for one in found["differences"] if one["one"] == mine["operator"] and one["other"] == "random"]
    skilled = [score for name, score in scores.items() if name.partition("#")[0] == "scripted"]
    return Row(
        game=TABLES[game].name,
        blocks=table["blocks"],
        unit=table["unit"],
        score=mine["score"],
        random=scores["random"],
        scripted=fmean(skilled),
        faults=sum(mine["faults"].values()),
        turns=mine["turns"],
        **{key: against[key] for key in ("difference", "low", "high")},
    )


def section(operator: str, rows: dict[str, Row]) -> str:
    """The table of the docs."""
    lines = [
        f"`{operator}` at its default temperature, on deals and levels nobody learnt from; the difference is paired,",
        "with its 95% interval over blocks (`python -m scripts.eval.taught`; figures in `docs/results/taught.json`).",
        "",
        "| game | blocks | unit | score | `random` | `scripted` | better than `random` by | faults |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in rows.values():
        better = f"{one.difference:+.3g} "
        better += "in every block" if one.low is None or one.high is None else f"[{one.low:+.3g}, {one.high:+.3g}]"
        if one.difference > 0 and (one.low is None or one.low > 0):
            better = f"**{better}**"
        lines.append(
            f"| `{one.game}` | {one.blocks} | {one.unit} | {one.score:.3g} | {one.random:.3g} | "
            f"{one.scripted:.3g} | {better} | {one.faults} of {one.turns:,} |"
        )
    return "\n".join(lines) + "\n"


def write(docs: Path, operator: str, rows: dict[str, Row]) -> None:
    """The figures as JSON, and the table in its place in docs/nano.md."""
    content: dict[str, Any] = {"operator": operator, "rows": {game: one._asdict() for game, one in rows.items()}}
    (docs / "results" / "taught.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    page = docs / "nano.md"
    head, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    if not begin:
        raise SystemExit(f"{page} has no {BEGIN}")
    page.write_text(f"{head}{BEGIN}\n{section(operator, rows)}{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operator", default="vlm:nano-games")
    parser.add_argument("--games", default=",".join(TABLES), help="comma separated")
    parser.add_argument("--out", type=Path, default=Path("work/taught"))
    parser.add_argument("--docs", type=Path, help="write the table there")
    given = parser.parse_args()
    games = given.games.split(",")
    if unknown := [game for game in games if game not in TABLES]:
        parser.error(f"--games {unknown[0]}: expected some of {', '.join(TABLES)}")
    rows = {}
    for game in games:
        rows[game] = row(game, play(game, given.operator, given.out))
        print(section(given.operator, {game: rows[game]}).splitlines()[-1], flush=True)
    if given.docs:
        write(given.docs, given.operator, rows)


if __name__ == "__main__":
    main()
