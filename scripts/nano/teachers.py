"""Which teacher of the sidescroller makes a model go further: three seeds of each, from the same weights.

    git archive 157d9b6 arena_operators/vlm/nano | tar -x -C work      # nano before it had the teacher that ships
    python -m scripts.nano.teachers --start work/arena_operators/vlm/nano --out work/teachers --json FILE

bold: jumps wherever that is as good as to run; the one that ships. cautious: runs until it must jump. Seed s of either
has the lessons of seed s and as many updates as the other, and goes through the same 100 validation levels. Run it
again and it goes on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from arena.train.vlm import sft
from arena.train.vlm.sft_config import SftConfig, source
from scripts.nano import cautious
from scripts.train.lanes import played, spread

TEACHERS = {"bold": "sidescroller", "cautious": f"{cautious.__file__}:Cautious"}
LEVELS = "sidescroller@set=validation"
HOW: dict[str, Any] = {"rate": 6e-4, "rate_final": 1e-5, "warmup": 50, "threads": 1, "mode": "full"}


def taught(who: str, seed: int, start: Path, out: Path, steps: int, lessons: int) -> Path:
    """The model that learnt of this teacher."""
    config = SftConfig(
        model=f"vlm:{start}",
        out=str(out / f"{who}-{seed}"),
        sources=(source("teacher", f"{TEACHERS[who]}@lessons={lessons}"),),
        steps=steps,
        seed=seed,
        resume=True,
        progress=False,
        workers=1,
        **HOW,
    )
    return sft.run(config)


def measured(who: str, model: Path, out: Path) -> dict[str, Any]:
    """Pixels by level, and how true its thoughts are."""
    went, said = played(f"vlm:{model}", LEVELS, out / "measured" / who)
    by_level = [one.distance for one in went]
    return {"pixels": spread(by_level), "thoughts": said, "by_level": by_level}


def mean(seeds: list[list[float]]) -> list[float]:
    """Of the seeds, by level."""
    return [sum(level) / len(level) for level in zip(*seeds, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="the nano that learns")
    parser.add_argument("--out", type=Path, default=Path("work/teachers"))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300, help="updates of 64 lessons")
    parser.add_argument("--lessons", type=int, default=9_600, help="different ones")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if not (given.start / "model.safetensors").is_file():
        parser.error(f"--start {given.start}: expected the folder of a nano, with its model.safetensors (see above)")
    found = {"start": measured("start", given.start, given.out)}
    for seed in given.seeds:
        for who in TEACHERS:
            model = taught(who, seed, given.start, given.out, given.steps, given.lessons)
            found[f"{who} {seed}"] = measured(f"{who}-{seed}", model, given.out)
            print(who, seed, json.dumps(found[f"{who} {seed}"]["pixels"]), flush=True)
    means = {who: mean([found[f"{who} {seed}"]["by_level"] for seed in given.seeds]) for who in TEACHERS}
    apart = [bold - other for bold, other in zip(means["bold"], means["cautious"], strict=True)]
    found["means"] = {who: spread(values) for who, values in means.items()} | {"bold less cautious": spread(apart)}
    print(json.dumps(found["means"], indent=1))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
