"""Measures policies with the arena itself, and prints the rows of docs/benchmarks.md.

    python scripts/ppo/evaluate.py cards [--deals 5000] [--seed 1]
    python scripts/ppo/evaluate.py lanes [--starts 50] [--who ppo,scripted,random] [--set validation]
    python scripts/ppo/evaluate.py spy [--deals 60]
    python scripts/ppo/evaluate.py points24 [--deals 500] [--who ppo,scripted,random]

cards: leduc exactly (see exact.py), hold'em over mirrored deals, written to docs/curves/ppo.json. lanes: how far each
gets on the same levels of the sidescroller, or the same starts of mario 1-1, and how often it clears them; `--who`
takes any operators, ppo:DIR too. spy: one of `--who` (default: ppo) among random or scripted others, in every seat.
points24: how many deals each solves.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from arena.errors import ArenaError
from arena.evaluate.intervals import mean_interval
from arena.figures import NO_INTERVAL

ROOT = Path(__file__).parents[2]
ARENA = (sys.executable, "-m", "arena")
HALF_FLAG = 500.0  # a reward of more is the flag
AT_ONCE = 32  # lanes
EVERYBODY = "ppo,scripted,random"


class Far(NamedTuple):
    """One match on a lane."""

    distance: float  # pixels
    cleared: bool


def play(game: str, operators: Sequence[str], matches: int, seed: int, folder: Path) -> dict[str, Any]:
    """A run of `arena play` in `folder`; the table of its game."""
    named = [word for one in operators for word in ("--operator", one)]
    at_once = AT_ONCE if game.startswith(("sidescroller", "mario")) else min(matches, 160)
    counts = ["--matches", str(matches), "--seed", str(seed), "--concurrency", str(at_once)]
    command = [*ARENA, "play", "--game", game, *named, *counts, "--out", str(folder), "--quiet"]
    if code := subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        raise ArenaError(f"{', '.join(operators)} did not play {game}: `arena play` ended with exit code {code}")
    table: dict[str, Any]
    (table,) = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return table


def mirrored(game: str, other: str, seats: int, deals: int, seed: int, who: str = "ppo") -> dict[str, Any]:
    """The row of `who` against `other` in all other seats: each deal in every seat order, 24 of them at most."""
    orders = math.factorial(seats) if seats <= 4 else seats
    with tempfile.TemporaryDirectory() as folder:
        found = play(game, [who, *[other] * (seats - 1)], deals * orders, seed, Path(folder) / "run")
    row: dict[str, Any] = next(row for row in found["rows"] if row["operator"] == who)
    return row


def lanes(game: str, who: str, starts: int, seed: int) -> list[Far]:
    """How far `who` gets from every start, alone in its lane; the same starts for everybody."""
    with tempfile.TemporaryDirectory() as folder:
        play(game, [who], starts, seed, Path(folder) / "run")
        return list(far(Path(folder) / "run"))


def far(run: Path) -> Iterator[Far]:
    """How far the matches of a run went, in order."""
    distance, reward = 0.0, 0.0
    for log in sorted(run.glob("log-*.jsonl")):
        for line in map(json.loads, log.open(encoding="utf-8")):
            match line["type"]:
                case "match":
                    distance = 0.0
                case "tick":
                    reward = line["rewards"][0]
                    said = re.search(r"progress \+([\d.]+)", " ".join(line["events"]))
                    distance += float(said[1]) if said else 0.0
                case "end":
                    yield Far(distance, reward > HALF_FLAG)


def cards(deals: int, seed: int) -> None:
    """Leduc and hold'em, into docs/curves/ppo.json."""
    sys.path.insert(0, str(Path(__file__).parent))
    import exact

    leduc = [
        {
            "seats": 2,
            "against": other,
            "mean": exact.value("leduc", *(exact.strategy("leduc", w) for w in ("ppo", other))),
        }
        for other in ("random", "scripted")
    ]
    drawn: dict[str, list[dict[str, Any]]] = {"leduc": [], "holdem": []}
    for game, seats in (("leduc", 3), ("holdem", 2), ("holdem", 3), ("holdem", 6)):
        for other in ("random", "scripted"):
            row = mirrored(f"{game}@hands=1", other, seats, deals, seed)
            half = (row["high"] - row["low"]) / 2
            drawn[game].append({"seats": seats, "against": other, "deals": deals, "mean": row["score"], "half": half})
            span = f"{row['low']:+.3f} to {row['high']:+.3f}"
            print(f"| {game} | {seats} | {other} | {deals:,} | {row['score']:+.3f} | {span} |", flush=True)
    results = {
        "leduc": {
            "unit": "chips a hand",
            "seed": seed,
            "rows": [*leduc, *drawn["leduc"]],
            "exploitability": exact.exploitability("ppo"),
        },
        "holdem": {"unit": "big blinds a hand", "seed": seed, "rows": drawn["holdem"]},
    }
    (ROOT / "docs/curves/ppo.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def spy(who: str, deals: int, seed: int) -> None:
    """One among random or scripted others, at tables of three to five: its mean score, in the spy's stake."""
    for seats in (3, 4, 5):
        for other in ("random", "scripted"):
            row = mirrored("spy", other, seats, deals, seed, who)
            span = f"[{row['low']:+.3f}, {row['high']:+.3f}]"
            print(f"| spy | {seats} | {who} | {other} | {deals} | {row['score']:+.3f} {span} |", flush=True)


def points24(who: str, deals: int, seed: int) -> None:
    """Deals that are solved, of those with a solution and of all."""
    for game in ("points24@solvable=only", "points24"):
        with tempfile.TemporaryDirectory() as folder:
            play(game, [who], deals, seed, Path(folder) / "run")
            lines = [
                line
                for log in sorted((Path(folder) / "run").glob("log-*.jsonl"))
                for line in log.open(encoding="utf-8")
            ]
        returns = [line["returns"][0] for line in map(json.loads, lines) if line["type"] == "end"]
        low, high = mean_interval(returns)
        count = sum(one > 0 for one in returns)
        least, most = wilson(count, len(returns))
        print(
            f"| {game} | {who} | {count} of {len(returns)}: {count / len(returns):.1%} [{least:.1%}, {most:.1%}] | "
            f"{sum(returns) / len(returns):+.2f} [{low or 0:+.2f}, {high or 0:+.2f}] |",
            flush=True,
        )


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95% interval of a share."""
    z, p = 1.959964, count / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def tell(game: str, who: str, runs: Sequence[Far]) -> None:
    """One row of the table."""
    distances = [run.distance for run in runs]
    low, high = mean_interval(distances)
    sure = f"({NO_INTERVAL})" if low is None or high is None else f"[{low:,.0f}, {high:,.0f}]"
    cleared = sum(run.cleared for run in runs)
    least, most = wilson(cleared, len(runs))
    print(
        f"| {game} | {who} | {sum(distances) / len(runs):,.0f} {sure} | "
        f"{cleared} of {len(runs)} [{least:.0%}, {most:.0%}] |",
        flush=True,
    )


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cards", "lanes", "spy", "points24"))
    parser.add_argument("--deals", type=int)
    parser.add_argument("--starts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--who")
    parser.add_argument(
        "--set", default="heldout", choices=("heldout", "validation"), help="levels of the sidescroller"
    )
    given = parser.parse_args(argv)
    if given.what == "cards":
        cards(given.deals or 5000, given.seed)
        return 0
    if given.what == "spy":
        for who in (given.who or "ppo").split(","):
            spy(who, given.deals or 60, given.seed)
        return 0
    if given.what == "points24":
        for who in (given.who or EVERYBODY).split(","):
            points24(who, given.deals or 500, given.seed)
        return 0
    for game in (f"sidescroller@set={given.set}", "mario:1-1@noops=30"):
        for who in (given.who or EVERYBODY).split(","):
            tell(game, who, lanes(game, who, given.starts, given.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
