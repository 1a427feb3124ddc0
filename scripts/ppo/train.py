"""Train a policy that ships: configuration and seed of each are here.

    python scripts/ppo/train.py leduc --out runs/ppo-leduc [--resume]
    python scripts/ppo/train.py sidescroller --out runs/side --demos runs/demos.npz      (demos.py makes these)
    python scripts/ppo/train.py spy --out runs/spy --demos runs/spy.npz                  (scripted.py makes these)
    python scripts/ppo/train.py leduc --out runs/ppo-leduc --ship      (copy a run, dagger.py's too, into the package)

One core suffices. Stopped at any time, --resume goes on from the newest checkpoint, with the same result; --resume
--stop writes the policy of that checkpoint. The weights in the package were made before this trainer: docs/train.md.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from arena.plugins import game_class
from arena.train.config import PpoConfig, config_for
from arena.train.nets import Cnn, Mlp
from arena.train.policy import load_policy, save_policy
from arena.train.pool import KINDS

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "arena_operators/ppo/weights"
CURVES = ROOT / "docs/curves"
ROWS = 300  # of a curve that is kept
# What is imitated plays well before its values are known: little weight to their error, and to entropy.
AGAINST = (*KINDS, "mixed")
AFTER = {"entropy": 0.004, "entropy_final": 0.001, "value": 0.1, "checkpoint_every": 5}
# Self-play with a large entropy bonus that is taken back: it damps going round in circles, and so comes nearer to an
# equilibrium. The share of `scripted` is there to beat it clearly.
LEDUC = {
    "game_options": {"hands": 1},
    "epochs": 3,
    "entropy": 0.2,
    "entropy_final": 0.03,
    "rate": 1e-3,
    "rate_final": 5e-5,
    "reward_scale": 0.1,
    "pool_past": 0.0,
    "pool_random": 0.05,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "leduc": {
        **LEDUC,
        "steps": 1_600_000,
        "pool_self": 0.85,
        "pool_scripted": 0.1,
        "snapshot_every": 5,
        "pool_size": 60,
    },
    # At tables of three.
    "leduc-3": {
        **LEDUC,
        "game": "leduc",
        "seats": (3,),
        "steps": 800_000,
        "pool_self": 0.8,
        "pool_scripted": 0.15,
    },
    # One network for 2 to 6 seats; most matches have two or three. Luck outweighs what one decision is worth by far, so
    # even a small entropy bonus would keep play near uniform.
    "holdem": {
        "steps": 800_000,
        "game_options": {"hands": 1},
        "seats": (2, 3, 2, 3, 2, 4, 2, 3, 2, 3, 2, 3, 2, 5, 2, 3, 2, 6),
        "envs": 90,
        "batch": 720,
        "epochs": 5,
        "hidden": 256,
        "entropy": 0.01,
        "entropy_final": 0.001,
        "rate": 7e-4,
        "reward_scale": 0.05,
        "pool_self": 0.45,
        "pool_past": 0.2,
        "pool_scripted": 0.25,
    },
    "sidescroller": {
        "game_options": {"set": "train"},
        "steps": 100_000,
        "demo_epochs": 28,
        "envs": 32,
        "rollout": 64,
        "batch": 256,
        "rate": 3e-4,
        **AFTER,
    },
    # Tables of three to five, in both roles. `scripted` is imitated first: alone against three others, a policy that
    # knows nothing is paid by their luck. Without hidden layers: a choice among 127 statements follows from which of
    # them are true, and two layers of 128 said something false in a sixth of the clues after the same lessons.
    "spy": {
        "seats": (4, 3, 4, 5),
        "steps": 100_000,
        "demo_epochs": 25,
        "layers": 0,
        "rate": 3e-4,
        "rate_final": 5e-5,
        **AFTER,
        "pool_self": 0.25,
        "pool_past": 0.2,
        "pool_scripted": 0.4,
        "pool_random": 0.15,
    },
    # Of the deals with a solution. The solver is imitated first: hardly any symbols by chance make 24. Then steps are
    # small: at 3e-4 PPO went from 9.8 points to 8.2 in four updates.
    "points24": {
        "game_options": {"solvable": "only"},
        "steps": 40_000,
        "demo_epochs": 12,
        "hidden": 256,
        "rate": 2e-5,
        "rate_final": 5e-6,
        "reward_scale": 0.1,
        **AFTER,
        "entropy": 0.001,
    },
    "mario": {
        "game": "mario:1-1",
        "game_options": {"noops": 30},
        "steps": 50_000,
        "demo_epochs": 40,
        "batch": 256,
        "epochs": 4,
        "rate": 3e-4,
        **AFTER,
    },
}


def config_of(name: str, out: str = "") -> PpoConfig:
    """The settings of a policy that ships."""
    given = {"game": name, "seed": 1, "out": out, **SETTINGS[name]}
    return config_for(game_class(given["game"]).spec, **given)


def ship(name: str, run: Path, sharper: float, after: Sequence[Path] = (), where: Path = WEIGHTS) -> None:
    """Copy the run's policy into the package, its curve (thinned, behind those of the runs `after` which it came)
    into docs/curves.

    `sharper` multiplies the logits: a platform game forgives no decision that was drawn against better knowledge.
    """
    net, card = load_policy(run / "policy.safetensors")
    made = ("digest", "hidden", "convolutions", "format")
    kept = {field: getattr(card, field) for field in card.__struct_fields__ if field not in made}
    if sharper != 1:
        *before, (weight, bias) = net.layers
        layers = [*before, (weight * np.float32(sharper), bias * np.float32(sharper))]
        net = Cnn(net.shape, [*net.convolutions], layers) if isinstance(net, Cnn) else Mlp(layers)
        kept["notes"] = f"logits of the trained network times {sharper:g}"
    save_policy(where / f"{name}.safetensors", net, **kept)
    if where != WEIGHTS:
        return
    rows = []
    for one in (*after, run):
        with (one / "curve.csv").open(encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    CURVES.mkdir(parents=True, exist_ok=True)
    with (CURVES / f"ppo-{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[:: max(1, len(rows) // ROWS)])
    draw(name, rows)


def draw(name: str, rows: Sequence[dict[str, str]]) -> None:
    """docs/curves/ppo-NAME.png: what matches brought, against each kind where there are others, and the entropy; of
    dagger.py how far it got on the validation levels, and how often it did what was good."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    dagger = "entropy" not in rows[0]
    x = "labels" if dagger else "steps"
    lines = (
        ("distance",) if dagger else tuple(k for k in ("self", "past", "scripted", "random", "mixed") if k in rows[0])
    )
    lines = lines if any(row.get(line) for line in lines for row in rows) else ("return",)
    right_hand = "good" if dagger else "entropy"
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for line in lines:
        known = [(int(row[x]), float(row[line])) for row in rows if row.get(line)]
        wide = max(1, len(known) // 40)
        blocks = [known[at : at + wide] for at in range(0, len(known), wide)]
        left.plot(
            [block[-1][0] for block in blocks], [float(np.mean([y for _, y in block])) for block in blocks], label=line
        )
    left.set(xlabel=x, title=f"{name}: {'validation levels' if dagger else 'reward a match'}")
    left.legend(fontsize=8)
    right.plot([int(row[x]) for row in rows], [float(row[right_hand]) for row in rows])
    right.set(xlabel=x, title="share of good actions" if dagger else "entropy of decisions, nats")
    figure.savefig(CURVES / f"ppo-{name}.png", dpi=80)
    plt.close(figure)


def run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(SETTINGS))
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--demos", default="", help="demonstrations to begin with: see demos.py")
    parser.add_argument("--seed", type=int, help="another than the shipped policy's, to see how much it matters")
    parser.add_argument("--steps", type=int, help="decisions at which it ends")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--stop", action="store_true", help="with --resume: write the newest checkpoint's policy alone")
    parser.add_argument("--ship", action="store_true", help="copy a run into the package instead of training")
    parser.add_argument("--sharper", type=float, default=1.0, help="with --ship: what the logits are multiplied by")
    parser.add_argument("--after", type=Path, nargs="*", default=(), help="with --ship: runs that it began with")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args(argv)
    if given.ship:
        ship(given.name, given.out, given.sharper, given.after)
        return 0
    config = config_of(given.name, str(given.out))
    command = f"python scripts/ppo/train.py {given.name}"
    for name in ("seed", "steps"):
        if getattr(given, name) is not None:
            config = replace(config, **{name: getattr(given, name)})
            command += f" --{name} {getattr(given, name)}"
    config = replace(config, demos=given.demos, resume=given.resume, progress=not given.quiet, trained_by=command)
    from arena.train.ppo import main

    print(main(config, updates=0 if given.stop else None))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
