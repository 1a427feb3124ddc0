"""Measures nano: does it read the cards, does it agree with its teachers, does it beat `random`?

python -m scripts.nano.evaluate --model work/nano/model --json docs/results/nano.json --docs docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from arena.canonical import key
from arena.operator import Decision, OpenSeat, Request, WorkerContext, decisions
from arena.train.lesson import Lesson
from arena_operators.vlm.checkpoint import METADATA
from arena_operators.vlm.operator import BatchOperator, make
from scripts.nano import lessons, play

AHEAD = (
    ("what is ahead", r"^(Enemy|Pit|Wall) ahead"),
    ("tiles", r"^\w+ ahead, (\d+) tile"),
    ("height", r", (\d) high"),
)
# What a thought says is in the picture, by game: (what it is, pattern). No match means "none".
READINGS = {
    "holdem": (("hole", r"I hold (\S+ \S+)\."), ("board", r"Board ([^.]*)\.")),
    "leduc": (("card", r"I hold an? (\w+)"), ("board", r"board shows an? (\w+)")),
    "kuhn": (("card", r"I hold an? (\w+)"),),
    "connect_four": (("last disc", r"played column (\d)"),),
    "sidescroller": AHEAD,
    "mario": AHEAD,
}
BEGIN, END = "<!-- nano: written by scripts/nano/evaluate.py -->", "<!-- nano: end -->"
BATCH = 32
OPTIONS: dict[str, dict[str, Any]] = {}


def read(thought: str | None, pattern: str) -> str:
    """What a thought says it saw."""
    found = re.search(pattern, thought or "")
    return found[1] if found else "none"


def answers(operator: BatchOperator, taught: Sequence[Lesson]) -> list[Decision]:
    """The operator's decision in each lesson's place, each from a key of its own."""
    operator.open(
        [
            OpenSeat(match=i, seat=0, operator="vlm", card=lesson.card, views=play.VIEWS, seed=key("lesson", i))
            for i, lesson in enumerate(taught)
        ]
    )
    asked = [Request(i, i, 0, 0, lesson.observation) for i, lesson in enumerate(taught)]
    return decisions(asked, operator.act(asked))


def lesson_figures(operator: BatchOperator, game: str, seed: int, count: int) -> dict[str, float]:
    """Shares of unseen lessons that were read right, and of answers that are the teacher's."""
    with tempfile.TemporaryDirectory(prefix="nano-unseen-") as folder:
        taught = lessons.unseen(Path(folder), game, seed, count)
    given = answers(operator, taught)
    pairs = list(zip(given, taught, strict=True))
    out: dict[str, float] = {"lessons": count}
    for name, pattern in READINGS[game]:
        right = [read(one.thought, pattern) == read(lesson.thought, pattern) for one, lesson in pairs]
        out[f"read_{name.replace(' ', '_')}"] = sum(right) / count
    out["agreement"] = sum(one.answer == lesson.answer for one, lesson in pairs) / count
    return out


def evaluate(
    model: str, games: Sequence[str], seed: int, count: int, blocks: dict[str, int], temperature: float
) -> Any:
    """All figures of one model at one temperature."""
    operator = make(WorkerContext(model, {"batch": BATCH, "temperature": temperature}))
    out: dict[str, Any] = {"temperature": temperature}
    for game in games:
        figures: dict[str, Any] = lesson_figures(operator, game, seed, count)
        if blocks.get(game):
            mean, counts = play.against_random(operator, game, blocks[game], seed, OPTIONS.get(game))
            figures["against_random"] = {**asdict(mean), **counts}
        print(game, json.dumps(figures), flush=True)
        out[game] = figures
    return out


def section(results: dict[str, Any]) -> str:
    """The part of docs/benchmarks.md."""
    lines = [
        "## nano",
        "",
        f"{results['parameters']:,} parameters, weights {results['weights_sha256'][:16]}; default temperature 1.",
        "Unseen deals; cards are read from the picture (they are nowhere in the prompt) and said in the thought.",
        "Return against `random` in the game's unit (a match of hold'em: 20 hands; of the others: one), two seats,",
        "every deal from both seats: mean of such blocks, 95% interval, faults counted as the game counts them.",
        "Made by `python -m scripts.nano.evaluate`; figures in `docs/results/nano.json`.",
        "",
        "| game | temperature | lessons | read right | teacher's answer | against `random` | blocks | faults |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for run in results["runs"]:
        for game, figures in run.items():
            if game == "temperature":
                continue
            seen = ", ".join(
                f"{name[5:].replace('_', ' ')} {value:.2%}"
                for name, value in figures.items()
                if name.startswith("read_")
            )
            versus, text = figures.get("against_random"), ("", "", "")
            if versus:
                text = (
                    f"{versus['mean']:+.3f} [{versus['low']:+.3f}, {versus['high']:+.3f}]",
                    str(versus["blocks"]),
                    f"{versus['faults']} of {versus['turns']}",
                )
            row = (
                game,
                f"{run['temperature']:g}",
                f"{figures['lessons']:,}",
                seen,
                f"{figures['agreement']:.1%}",
                *text,
            )
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def write_section(docs: Path, text: str) -> None:
    """Puts the section into `docs`, in the place of the last one."""
    old = docs.read_text(encoding="utf-8") if docs.exists() else "# Benchmarks\n"
    block = f"{BEGIN}\n{text}{END}\n"
    if BEGIN in old:
        head, _, rest = old.partition(BEGIN)
        docs.write_text(head + block + rest.partition(f"{END}\n")[2], encoding="utf-8")
    else:
        docs.write_text(f"{old.rstrip()}\n\n{block}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="measure nano")
    parser.add_argument("--model", type=Path, default=Path("arena_operators/vlm/nano"))
    parser.add_argument("--games", help="comma separated (default: all it was trained for)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lessons", type=int, default=1000, help="unseen lessons a game")
    parser.add_argument("--blocks", default="leduc=1000,kuhn=500,holdem=100,connect_four=50")
    parser.add_argument("--temperatures", default="1,0")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--docs", type=Path)
    given = parser.parse_args()
    metadata = json.loads((given.model / METADATA).read_text())
    games = given.games.split(",") if given.games else metadata["games"]
    blocks = {game: int(count) for game, _, count in (part.partition("=") for part in given.blocks.split(",") if part)}
    results = {
        "parameters": metadata["parameters"],
        "weights_sha256": metadata["weights_sha256"],
        "seed": given.seed,
        "runs": [
            evaluate(str(given.model), games, given.seed, given.lessons, blocks, float(temperature))
            for temperature in given.temperatures.split(",")
        ],
    }
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(results, indent=1) + "\n")
    if given.docs:
        write_section(given.docs, section(results))


if __name__ == "__main__":
    main()
