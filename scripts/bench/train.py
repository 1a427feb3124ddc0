"""Where a training's time goes: turns/s end to end, and the share that rollouts and the update take.

    python scripts/bench/train.py [--preset sidescroller-nano] [--updates 3] [--set rollout.matches=8]

The rest is writing rows, giving weights and checkpoints. The rollout is timed within the training, with its matches and
their records, so the share is an upper bound of that of generation and update alone. The first update is left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from arena.train.vlm import config, trainer


def shares(lines: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of lines of timing.jsonl: turns, turns/s end to end, and the share of each part in the time."""
    total = sum(line["total"] for line in lines)
    turns = sum(line["turns"] for line in lines)
    parts = [name for name in lines[0] if name not in ("total", "turns", "turns_per_second", "update")]
    each = {name: sum(line[name] for line in lines) / total for name in parts}
    return {
        "turns": turns,
        "turns_per_second": turns / total,
        "rollout_and_learn": each["rollout"] + each["learn"],
        **each,
    }


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--preset", default="sidescroller-nano")
    parse.add_argument("--updates", type=int, default=3)
    parse.add_argument("--set", action="append", default=[])
    given = parse.parse_args()
    if given.updates < 2:
        parse.error(f"--updates {given.updates}: expected at least 2, since the first is left out")
    asked = config.load(given.preset, None, (f"updates={given.updates}", "evaluation.every=0", *given.set))
    with tempfile.TemporaryDirectory() as folder:
        out = trainer.main(asked, Path(folder) / "run")
        lines = [json.loads(line) for line in (out / "timing.jsonl").read_text().splitlines()]
    print(json.dumps({"preset": given.preset, "set": given.set, **shares(lines[1:])}, indent=2))


if __name__ == "__main__":
    main()
