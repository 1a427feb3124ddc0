"""Teaches nano every game that has a teacher: the model `vlm:nano-games`, which goes on from nano with all weights.

    python -m scripts.nano.games --out work/games     # run it again and it goes on; the model is work/games/model

It begins with nano and its adapter of the sidescroller. That game it learns from its own play, so that it stays what
reinforcement learning made of it; every other game from its teacher.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoModelForImageTextToText

from arena.train.vlm import sft
from arena.train.vlm.sft_config import SftConfig, source
from arena_operators.vlm.adapter import merged
from arena_operators.vlm.checkpoint import METADATA, SHIPPED, adapters
from scripts.nano import visited
from scripts.nano.export import export
from scripts.nano.recipe import Recipe

OWN = "sidescroller"  # what is learnt from the model's own play
MATCHES = 160
# Shares of a batch: half of it is new, and of that most where a picture is hardest to read.
TEACHERS = (
    "numberline@lessons=3000@weight=0.02",
    "ezpoints@lessons=8000@weight=0.04",
    "points24@lessons=30000@weight=0.09",
    "blackjack@lessons=6000@weight=0.04",
    "maze@lessons=30000@weight=0.12",
    "jigsaw@lessons=12000@weight=0.10",
    "spy@lessons=30000@weight=0.21",
    "race@lessons=5000@weight=0.06",
    "mario@lessons=1000@weight=0.05",
    "holdem@lessons=12000@weight=0.08",
    "leduc@lessons=8000@weight=0.05",
    "kuhn@lessons=2000@weight=0.015",
    "connect_four@lessons=6000@weight=0.04",
)
OWN_SHARE = 0.085
HOW = {"mode": "full", "rate": 8e-4, "rate_final": 1e-5, "warmup": 50, "batch": 64, "shown_weight": 0.5}


def names() -> list[str]:
    """Every game that it learns, sorted."""
    return sorted({OWN, *(name.partition("@")[0] for name in TEACHERS)})


def started(out: Path, nano: Path) -> Path:
    """nano with its adapter merged, allowed to sit down at every game of the mixture."""
    folder = out / "start"
    if not (folder / METADATA).exists():
        model = AutoModelForImageTextToText.from_pretrained(nano, dtype=torch.float32)
        merged(model, adapters()[OWN]).to(torch.bfloat16).save_pretrained(folder)
        for file in nano.iterdir():
            if not (folder / file.name).exists() and file.name != METADATA:
                (folder / file.name).write_bytes(file.read_bytes())
        about = json.loads((nano / METADATA).read_text())
        weights = (folder / "model.safetensors").read_bytes()
        about |= {"games": names(), "weights_sha256": hashlib.sha256(weights).hexdigest()}
        (folder / METADATA).write_text(json.dumps(about, indent=1) + "\n")
    return folder


def main(out: Path, nano: Path, *, steps: int, seed: int, workers: int, threads: int, tokens: int) -> Path:
    """Does what is missing of it; the folder of the model."""
    start = started(out, nano)
    run = visited.play(out / "went", OWN, str(start), seed, MATCHES)
    config = SftConfig(
        model=f"vlm:{start}",
        out=str(out / "sft"),
        sources=(
            source("run", f"{run}@weight={OWN_SHARE}"),
            *(replace(source("teacher", name), shard=1_000) for name in TEACHERS),
        ),
        steps=steps,
        seed=seed,
        resume=True,
        progress=False,
        every=100,
        held_out=64,
        workers=workers,
        threads=threads,
        tokens=tokens,
        trained_by="python -m scripts.nano.games",
        **HOW,  # type: ignore[arg-type]
    )
    begun = hashlib.sha256((nano / "model.safetensors").read_bytes()).hexdigest()
    made = export(Recipe(seed=seed, phases=(), start=begun), sft.run(config), out / "model")
    about = json.loads((made / METADATA).read_text())
    about |= {
        "name": "nano-games",
        "games": names(),
        "recipe": {"start": begun, "adapter": OWN, "own": OWN_SHARE, "teachers": TEACHERS, "steps": steps, **HOW},
        "made_by": "python -m scripts.nano.games (docs/nano.md)",
        "curve": "docs/curves/nano-games.csv",
    }
    (made / METADATA).write_text(json.dumps(about, indent=1) + "\n")
    return made


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("work/games"))
    parser.add_argument("--nano", type=Path, default=SHIPPED, help="the model that learns")
    parser.add_argument("--steps", type=int, default=850, help="updates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make lessons")
    parser.add_argument("--threads", type=int, default=1, help="threads that train")
    parser.add_argument("--tokens", type=int, default=1_024, help="of a forward pass: fewer were faster here")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    how = {name: getattr(given, name) for name in ("steps", "seed", "workers", "threads", "tokens")}
    print(main(given.out, given.nano, **how))
