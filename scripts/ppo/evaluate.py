"""Mirrored evaluation of the shipped policies; for leduc, exact values and OpenSpiel's exploitability.

    python scripts/ppo/evaluate.py [--deals 5000] [--seed 1] [--games leduc,holdem]

One block is one deal played once with every seat permutation of the line-up; the unit of the statistics is ppo's mean
return over a block. The operator itself is asked, in batches over all matches of a chunk. Writes docs/curves/ppo.json
and the PPO section of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

from arena.canonical import generator, key  # noqa: E402
from arena.export.opponents import Opponent, opponent  # noqa: E402
from arena.game import Game, GameCard, Move, Views  # noqa: E402
from arena.operator import OpenSeat, Operator, Outcome, Request, WorkerContext  # noqa: E402
from arena.plugins import game_class  # noqa: E402
from arena.train.policy import load_policy  # noqa: E402
from arena_operators.ppo.policy import build  # noqa: E402

ROOT = Path(__file__).parents[2]
VECTOR = Views(vector=True)
LINEUPS = {"holdem": (2, 3, 6)}
CHUNK = 100  # deals whose matches run at once


@dataclass(slots=True)
class _Match:
    number: int
    block: int
    game: Game
    order: tuple[int, ...]  # the slot in each seat; slot 0 is ppo
    seed: bytes
    tick: int = 0
    due: tuple[int, ...] = ()
    returns: tuple[float, ...] | None = None


def mirrored(
    game: str, other: str | Opponent, seats: int, deals: int, seed: int, operator: Operator | None = None
) -> np.ndarray:
    """ppo's mean return over each block, (deals,), against `other` in all other seats."""
    cls = game_class(game)
    ppo = operator or build(WorkerContext(what="", options={}))
    them = opponent(other, cls)
    out = np.empty(deals)
    for first in range(0, deals, CHUNK):
        count = min(CHUNK, deals - first)
        out[first : first + count] = _chunk(cls, ppo, them, seats, range(first, first + count), seed)
    return out


def _chunk(cls: type[Game], ppo: Operator, them: Opponent, seats: int, blocks: range, seed: int) -> list[float]:
    # Opponents are all alike, so which of them sits where changes only their chance: ppo's seat is what is permuted.
    orders = list(itertools.permutations(range(seats))) if seats <= 3 else _rotations(seats)
    matches = [
        _Match(block * len(orders) + number, block, cls(seats, {"hands": 1}), order, key("chance", seed, block, number))
        for block in blocks
        for number, order in enumerate(orders)
    ]
    card = matches[0].game.card()
    views = VECTOR
    for match in matches:
        match.due = match.game.reset(key("deal", seed, match.block)).due
        seat = match.order.index(0)
        ppo.open([OpenSeat(match=match.number, seat=seat, operator="ppo", card=card, views=views, seed=match.seed)])
    going = matches
    while going:
        asks = [(match, match.order.index(0)) for match in going if match.order.index(0) in match.due]
        requests = [
            Request(at, match.number, seat, match.tick, match.game.observe(seat, views))
            for at, (match, seat) in enumerate(asks)
        ]
        answers = {match.number: decision.answer for (match, _), decision in zip(asks, ppo.act(requests), strict=True)}
        for match in going:
            _step(match, answers, them, card)
        going = [match for match in going if match.returns is None]
    totals = dict.fromkeys(blocks, 0.0)
    for match in matches:
        assert match.returns is not None
        seat = match.order.index(0)
        totals[match.block] += match.returns[seat] / len(orders)
        ppo.end(match.number, seat, Outcome(status="terminated"))
    return list(totals.values())


def _rotations(seats: int) -> list[tuple[int, ...]]:
    return [tuple((seat - shift) % seats for seat in range(seats)) for shift in range(seats)]


def _step(match: _Match, answers: dict[int, object], them: Opponent, card: GameCard) -> None:
    moves: dict[int, Move] = {}
    for seat in match.due:
        slot = match.order[seat]
        if slot == 0:
            moves[seat] = match.game.parse(seat, answers[match.number])  # type: ignore[arg-type]
        else:
            chance = generator(key("them", match.seed, slot, match.tick))
            moves[seat] = Move(them.play(match.game.observe(seat, them.views), card, chance))
    result = match.game.step(moves)
    match.tick += 1
    match.due, match.returns = result.due, result.returns


def interval(blocks: np.ndarray) -> tuple[float, float]:
    """Mean and half the width of its 95% interval (normal, over blocks)."""
    return float(blocks.mean()), 1.96 * float(blocks.std(ddof=1)) / math.sqrt(len(blocks))


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deals", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--games", default="leduc,holdem")
    given = parser.parse_args(argv)
    file = ROOT / "docs/curves/ppo.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    sys.path.insert(0, str(Path(__file__).parent))
    import exact
    from exploitability import exploitability

    for game in given.games.split(","):
        rows: list[dict[str, object]] = []
        for other in ("random", "scripted") if game in exact.DEALT else ():
            mean = exact.value(game, exact.strategy(game, "ppo"), exact.strategy(game, other))
            rows.append({"seats": 2, "against": other, "mean": mean})
            print(f"{game}, against {other}: {mean:+.4f}, exactly", flush=True)
        for seats in () if game in exact.DEALT else LINEUPS[game]:
            for other in ("random", "scripted"):
                mean, half = interval(mirrored(game, other, seats, given.deals, given.seed))
                rows.append({"seats": seats, "against": other, "deals": given.deals, "mean": mean, "half": half})
                print(f"{game}, {seats} seats, against {other}: {mean:+.3f} +- {half:.3f}", flush=True)
        results[game] = {"unit": game_class(game).spec.unit, "seed": given.seed, "rows": rows}
        if game == "leduc":
            mlp, _ = load_policy(ROOT / "arena_operators/ppo/weights/leduc.safetensors")
            results[game]["exploitability"] = exploitability(mlp)
            print(f"leduc: exploitability {results[game]['exploitability']:.4f}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1) + "\n")
    _write(results)
    return 0


def _write(results: dict[str, dict[str, object]]) -> None:
    """Replace the PPO section of docs/benchmarks.md."""
    lines = [
        "## PPO policies",
        "",
        "Mirrored deals: a block is one deal with every seat permutation (at six seats: ppo in every seat); the "
        "unit is ppo's mean return over the block; 95% intervals over blocks. Leduc is small enough to be walked whole "
        "(`scripts/ppo/exact.py`): its values are exact. Made by "
        "`python scripts/ppo/evaluate.py`; the policies by `python scripts/ppo/train.py GAME`. Curves: "
        "[leduc](curves/ppo-leduc.png), [hold'em](curves/ppo-holdem.png).",
        "",
        "| game | seats | against | deals | ppo's return | 95% interval | unit |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for game, result in results.items():
        for row in result["rows"]:  # type: ignore[attr-defined]
            deals, span = "all", "exact"
            if "half" in row:
                low, high = row["mean"] - row["half"], row["mean"] + row["half"]
                deals, span = f"{row['deals']:,}", f"{low:+.3f} to {high:+.3f}"
            others = row["against"] if row["seats"] == 2 else f"{row['seats'] - 1} {row['against']}"
            lines.append(
                f"| {game} | {row['seats']} | {others} | {deals} | {row['mean']:+.3f} | {span} | {result['unit']} |"
            )
    if "exploitability" in results.get("leduc", {}):
        lines += [
            "",
            f"Exploitability of the leduc policy, computed by OpenSpiel: {results['leduc']['exploitability']:.3f} chips"
            " a hand (the uniform policy: 2.374; 0 is an equilibrium).",
        ]
    file = ROOT / "docs/benchmarks.md"
    text = file.read_text() if file.exists() else "# Benchmarks\n"
    section = "\n".join(lines) + "\n"
    found = re.search(r"^## PPO policies\n.*?(?=^## |\Z)", text, re.M | re.S)
    text = (
        text[: found.start()] + section + ("\n" if text[found.end() :] else "") + text[found.end() :]
        if found
        else (text.rstrip("\n") + "\n\n" + section)
    )
    file.write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
