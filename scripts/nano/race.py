"""Teaches nano the race: an adapter for its language layers, which leaves everything else that it knows as it is.

    python -m scripts.nano.race --out work/race     # run it again and it goes on; the adapter is work/race/adapter

nano plays the race with what it knows of the sidescroller, from which it learns what its teacher would have done there;
the rest of the lessons are the teacher's own matches, and some of the games that nano knows already.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

from arena.train.vlm import sft
from arena.train.vlm.sft_config import SftConfig, source
from arena_operators.vlm.checkpoint import METADATA, SHIPPED
from scripts.nano import visited

GAME = "race"
MATCHES = 24
TEACHERS = (  # what else is taught, so that the eyes stay as they are
    "race@lessons=6000@weight=0.50",
    "sidescroller@lessons=1500@weight=0.16",
    "holdem@lessons=750@weight=0.05",
    "leduc@lessons=500@weight=0.04",
    "kuhn@lessons=250@weight=0.02",
    "connect_four@lessons=500@weight=0.03",
)
HOW = {"mode": "lora", "rank": 16, "rate": 1e-3, "rate_final": 1e-5, "warmup": 20, "tokens": 4_096}


def started(out: Path, nano: Path) -> Path:
    """A copy of nano that may sit down at the race."""
    folder = out / "start"
    if not (folder / METADATA).exists():
        shutil.copytree(nano, folder, dirs_exist_ok=True)
        about = json.loads((folder / METADATA).read_text())
        about["games"] = sorted({*about["games"], GAME})
        (folder / METADATA).write_text(json.dumps(about, indent=1) + "\n")
    return folder


def adapter(trained: Path, out: Path, nano: Path, steps: int, seed: int) -> Path:
    """`out` becomes the adapter that ships: its weights, and what it is for."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    weights = (trained / "adapter_model.safetensors").read_bytes()
    (out / "adapter_model.safetensors").write_bytes(weights)
    config = json.loads((trained / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = None  # it is named by who seats it
    (out / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    about = {
        "name": "nano-race",
        "games": sorted(name.partition("@")[0] for name in TEACHERS),
        "base_sha256": hashlib.sha256((nano / "model.safetensors").read_bytes()).hexdigest(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "made_by": "python -m scripts.nano.race (docs/nano.md)",
        "seed": seed,
        "updates": steps,
        "licence": "Apache-2.0",
    }
    (out / METADATA).write_text(json.dumps(about, indent=1) + "\n")
    return out


def main(out: Path, nano: Path, *, steps: int, seed: int, workers: int, threads: int) -> Path:
    """Does what is missing of it; the folder of the adapter."""
    start = started(out, nano)
    run = visited.play(out / "went", GAME, str(start), seed, MATCHES)
    config = SftConfig(
        model=f"vlm:{start}",
        out=str(out / "sft"),
        sources=(source("correct", f"{run}@weight=0.20"), *(source("teacher", name) for name in TEACHERS)),
        steps=steps,
        seed=seed,
        resume=True,
        progress=False,
        every=25,
        held_out=16,
        workers=workers,
        threads=threads,
        **HOW,  # type: ignore[arg-type]
    )
    return adapter(sft.run(config), out / "adapter", nano, steps, seed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("work/race"))
    parser.add_argument("--nano", type=Path, default=SHIPPED, help="the model that learns")
    parser.add_argument("--steps", type=int, default=100, help="updates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make lessons")
    parser.add_argument("--threads", type=int, default=1, help="threads that train")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    how = {name: getattr(given, name) for name in ("steps", "seed", "workers", "threads")}
    print(main(given.out, given.nano, **how))
