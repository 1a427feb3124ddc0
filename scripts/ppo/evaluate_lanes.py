"""How far ppo, scripted, vlm (nano) and random get on the same levels, and how often they clear them.

    python scripts/ppo/evaluate_lanes.py [--games sidescroller,mario] [--starts 50] [--seed 1] [--what DIR]
    python scripts/ppo/evaluate_lanes.py --games sidescroller --set validation --what DIR     (to choose among policies)

sidescroller: levels of the held-out set; mario: 1-1 from seeded no-op starts. Everyone plays the same starts. Writes
docs/curves/ppo-lanes.json and the section of docs/benchmarks.md, unless --what names a policy that does not ship, or
--set other levels: the held-out ones choose nothing.
"""

from __future__ import annotations

import argparse
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

from arena.canonical import generator, key  # noqa: E402
from arena.evaluate.intervals import mean_interval  # noqa: E402
from arena.export.opponents import opponent  # noqa: E402
from arena.game import (  # noqa: E402
    Game,
    GameCard,
    IllegalActionError,
    Observation,
    UnparsableAnswerError,
    Views,
    parse_answer,
)
from arena.operator import OpenSeat, Operator, Request, WorkerContext  # noqa: E402
from arena.plugins import game_class  # noqa: E402
from arena.session import TimeStep  # noqa: E402
from arena.train.lane_hosts import Here, Hosts, Place  # noqa: E402
from arena_operators.ppo.policy import build  # noqa: E402
from arena_operators.vlm.operator import make as make_vlm  # noqa: E402

ROOT = Path(__file__).parents[2]
GAMES = {"sidescroller": ("sidescroller", {"set": "heldout"}), "mario": ("mario:1-1", {"noops": 30})}
STARTS = {"sidescroller": "held-out levels", "mario": "no-op starts of 1-1"}
WHO = ("ppo", "scripted", "vlm", "random")
OVER = {"ppo": "scripted", "scripted": "random", "vlm": "random"}  # who is compared with whom
CHUNK = 16  # lanes at once: the pictures of so many levels are kept
HALF_FLAG = 500.0


@dataclass(slots=True)
class Run:
    """One match."""

    distance: float = 0.0  # pixels
    cleared: bool = False
    total: float = 0.0
    decisions: int = 0
    faults: int = 0  # answers that the game could not read: nothing is held then


class Policy:
    """Whoever plays: one of WHO, asked for all lanes at once. Every turn's chance is its own key."""

    def __init__(self, who: str, what: str, cls: type[Game], card: GameCard, seed: int, best: bool) -> None:
        self.other = None
        self._operator: Operator | None = None
        if who == "ppo":
            self.views = Views(vector=True)
            self._operator = build(WorkerContext(what=what, options={"deterministic": best}))
        elif who == "vlm":
            self.views = Views(image=(128, 128), text=True)
            likeliest = {"temperature": 0.0} if best else {}
            self._operator = make_vlm(WorkerContext(what=what, options={"batch": CHUNK, **likeliest}))
        else:
            self.other = opponent(who, cls)
            self.views = self.other.views
        self._who, self._card, self._seed = who, card, seed

    def open(self, lanes: Sequence[int]) -> None:
        if self._operator is not None:
            seeds = [key("evaluate-operator", self._seed, lane) for lane in lanes]
            self._operator.open(
                [
                    OpenSeat(match=lane, seat=0, operator=self._who, card=self._card, views=self.views, seed=seed)
                    for lane, seed in zip(lanes, seeds, strict=True)
                ]
            )

    def act(self, seen: dict[int, Observation], tick: int) -> dict[int, int | None]:
        """An action for each lane, or None for an answer that is none."""
        if self._operator is not None:
            asked = [Request(at, lane, 0, tick, one) for at, (lane, one) in enumerate(seen.items())]
            return {
                lane: self._parsed(one, decision.answer)
                for (lane, one), decision in zip(seen.items(), self._operator.act(asked), strict=True)
            }
        assert self.other is not None
        return {
            lane: self.other.play(one, self._card, generator(key(self._who, self._seed, lane, tick)))
            for lane, one in seen.items()
        }

    def _parsed(self, seen: Observation, answer: int | str | None) -> int | None:
        try:
            return parse_answer(self._card.actions, seen.legal, answer)
        except (UnparsableAnswerError, IllegalActionError):
            return None


def evaluate(
    name: str, who: str, what: str, starts: int, seed: int, best: bool = False, levels: str = "heldout"
) -> list[Run]:
    """Play every start once. `best`: ppo takes its likeliest action. `levels`: the sidescroller's set."""
    game, options = GAMES[name]
    if "set" in options:
        options = {**options, "set": levels}
    cls = game_class(game)
    made = cls(1, options)
    policy = Policy(who, what, cls, made.card(), seed, best)
    views = policy.views
    out: list[Run] = []
    count = min(CHUNK, starts)
    place: Place
    if cls.runtime is None:
        place = Here([cls(1, options) for _ in range(count)], views)
    else:
        place = Hosts(made, game, cls.runtime, 1, views)
    try:
        for first in range(0, starts, count):
            lanes = range(first, min(first + count, starts))
            policy.open(lanes)
            seeds = {lane - first: key("evaluate-start", seed, lane) for lane in lanes}
            out += _play(place, policy, first, place.begin(seeds))
    finally:
        place.close()
    return out


def _play(place: Place, policy: Policy, first: int, time_steps: dict[int, TimeStep]) -> list[Run]:
    runs = {lane: Run() for lane in time_steps}
    tick = 0
    while time_steps:
        actions = policy.act({lane + first: time_step.observations[0] for lane, time_step in time_steps.items()}, tick)
        stepped = place.step({lane: actions[lane + first] or 0 for lane in time_steps})  # 0: hold nothing
        tick += 1
        for lane, time_step in stepped.items():
            run = runs[lane]
            reward = time_step.result.rewards[0]
            run.total += reward
            run.decisions = tick
            run.faults += actions[lane + first] is None
            run.cleared = reward > HALF_FLAG
            said = re.search(r"progress \+([\d.]+)", " ".join(time_step.result.events))
            run.distance += float(said[1]) if said else 0.0
        time_steps = {lane: time_step for lane, time_step in stepped.items() if time_step.result.ended == "none"}
    return list(runs.values())


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95% interval of a share."""
    z, p = 1.959964, count / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", default="sidescroller,mario")
    parser.add_argument("--starts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--what", default="", help="a policy that does not ship: what follows `ppo:`")
    parser.add_argument("--who", default=",".join(WHO))
    parser.add_argument(
        "--set", default="heldout", choices=("heldout", "validation"), help="levels of the sidescroller"
    )
    parser.add_argument(
        "--deterministic", action="store_true", help="ppo takes its likeliest action; nothing is written"
    )
    given = parser.parse_args(argv)
    file = ROOT / "docs/curves/ppo-lanes.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    for name in given.games.split(","):
        runs = {
            who: evaluate(name, who, given.what, given.starts, given.seed, given.deterministic, given.set)
            for who in given.who.split(",")
        }
        results[name] = {"starts": given.starts, "seed": given.seed, "rows": _rows(runs)}
        print(name, *results[name]["rows"], sep="\n  ", flush=True)
    if not given.what and not given.deterministic and given.set == "heldout" and given.who == ",".join(WHO):
        file.write_text(json.dumps(results, indent=1) + "\n")
        _write(results)
    return 0


def _rows(runs: dict[str, list[Run]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for who in runs:
        distances = [run.distance for run in runs[who]]
        cleared = sum(run.cleared for run in runs[who])
        row: dict[str, object] = {
            "who": who,
            "distance": sum(distances) / len(distances),
            "interval": mean_interval(distances),
            "cleared": cleared,
            "share": wilson(cleared, len(distances)),
        }
        if sum(run.faults for run in runs[who]):
            row["faults"] = [sum(run.faults for run in runs[who]), sum(run.decisions for run in runs[who])]
        if (other := OVER.get(who)) in runs:
            more = [mine.distance - theirs.distance for mine, theirs in zip(runs[who], runs[other], strict=True)]
            row |= {"over": other, "more": sum(more) / len(more), "more_interval": mean_interval(more)}
        rows.append(row)
    return rows


def _write(results: dict[str, dict[str, object]]) -> None:
    """Replace the section of docs/benchmarks.md."""
    lines = [
        "## PPO policies on lanes",
        "",
        "Distance: pixels of the level reached before the lane was over (cleared, died, stuck, or the horizon); mean "
        "and 95% t-interval. Cleared: 95% Wilson interval. Ahead: the mean difference to another on the same starts, "
        "95% t-interval. Faults: answers that were none (nothing is held then). "
        "Made by `python scripts/ppo/evaluate_lanes.py`; the policies by `scripts/ppo/demos.py`, "
        "`scripts/ppo/lanes.py` and, for the sidescroller, `scripts/ppo/dagger.py` (docs/train.md). Curves: "
        "[sidescroller](curves/ppo-sidescroller.png), [mario](curves/ppo-mario.png). "
        "One training seed each. Waiting 0 to 30 frames makes 31 different starts of mario, not"
        " 50; whoever draws its actions still plays each of them in another way.",
        "",
        "| game | starts | who | distance | cleared | ahead | faults |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, result in results.items():
        for row in result["rows"]:  # type: ignore[attr-defined]
            low, high = row["interval"]
            least, most = row["share"]
            ahead = ""
            if "over" in row:
                least_more, most_more = row["more_interval"]
                ahead = f"of {row['over']} {row['more']:+,.0f} [{least_more:+,.0f}, {most_more:+,.0f}]"
            faults = "{:,} of {:,}".format(*row["faults"]) if "faults" in row else ""
            of = result["starts"]
            lines.append(
                f"| {name} | {of} {STARTS[name]} | {row['who']} | {row['distance']:,.0f} "
                f"[{low:,.0f}, {high:,.0f}] | {row['cleared']} of {of} [{least:.0%}, {most:.0%}] | {ahead} | {faults} |"
            )
    file = ROOT / "docs/benchmarks.md"
    text = file.read_text()
    section = "\n".join(lines) + "\n"
    found = re.search(r"^## PPO policies on lanes\n.*?(?=^## |\Z)", text, re.M | re.S)
    if found:
        text = text[: found.start()] + section + ("\n" if text[found.end() :] else "") + text[found.end() :]
    else:
        at = text.index("## PPO: how much")
        text = text[:at] + section + "\n" + text[at:]
    file.write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
