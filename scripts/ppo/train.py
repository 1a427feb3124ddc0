"""Train a policy that ships: configuration and seed of each are here.

    python scripts/ppo/train.py leduc --out runs/ppo-leduc [--resume]
    python scripts/ppo/train.py holdem --out runs/ppo-holdem [--resume]
    python scripts/ppo/train.py leduc --out runs/ppo-leduc --ship     (copy a finished run into the package)

One core suffices. Stopped at any time, --resume goes on from the newest checkpoint, with the same result.
--ship takes DIR/average.safetensors where average.py made one.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # small products: threads only cost, and must be set before NumPy is imported

from arena.train.policy import load_policy, save_policy  # noqa: E402
from arena.train.ppo import PpoConfig, main  # noqa: E402

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "arena_operators/ppo/weights"
CURVES = ROOT / "docs/curves"
ROWS = 300  # of a curve that is kept
CONFIGS = {
    # Self-play with a large entropy bonus that is taken back: it damps going round in circles, and so comes nearer to
    # an equilibrium. The share of `scripted` is there to beat it clearly.
    "leduc": PpoConfig(
        game="leduc",
        out="",
        steps=1_600_000,
        seed=1,
        game_options={"hands": 1},
        epochs=3,
        entropy=0.2,
        entropy_final=0.03,
        rate=1e-3,
        rate_final=5e-5,
        reward_scale=0.1,
        pool_self=0.85,
        pool_past=0.0,
        pool_scripted=0.1,
        pool_random=0.05,
        snapshot_every=5,
        pool_size=60,
    ),
    # One network for 2 to 6 seats; most tables have two or three. Luck outweighs what one decision is worth by far, so
    # even a small entropy bonus would keep play near uniform.
    "holdem": PpoConfig(
        game="holdem",
        out="",
        steps=800_000,
        seed=1,
        game_options={"hands": 1},
        seats=(2, 3, 2, 3, 2, 4, 2, 3, 2, 3, 2, 3, 2, 5, 2, 3, 2, 6),
        tables=90,
        rollout=64,
        batch=720,
        epochs=5,
        hidden=256,
        entropy=0.01,
        entropy_final=0.001,
        rate=7e-4,
        reward_scale=0.05,
        pool_self=0.45,
        pool_past=0.2,
        pool_scripted=0.25,
        pool_random=0.1,
    ),
}


def ship(game: str, run: Path) -> None:
    """Copy the run's policy (its average, if one was made) into the package, its curve (thinned) into docs/curves."""
    averaged = run / "average.safetensors"
    mlp, card = load_policy(averaged if averaged.exists() else run / "policy.safetensors")
    kept = {name: getattr(card, name) for name in card.__struct_fields__ if name not in ("digest", "hidden", "format")}
    save_policy(WEIGHTS / f"{game}.safetensors", mlp, **kept)
    with (run / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    step = max(1, len(rows) // ROWS)
    CURVES.mkdir(parents=True, exist_ok=True)
    with (CURVES / f"ppo-{game}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[::step])
    draw(game, rows)


def draw(game: str, rows: Sequence[dict[str, str]]) -> None:
    """docs/curves/ppo-GAME.png: the mean return against each kind of opponent, and the entropy."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for kind in ("self", "past", "scripted", "random", "mixed"):
        known = [(int(row["steps"]), float(row[kind])) for row in rows if row.get(kind)]
        wide = max(1, len(known) // 40)
        blocks = [known[at : at + wide] for at in range(0, len(known), wide)]
        means = [(block[-1][0], sum(value for _, value in block) / len(block)) for block in blocks]
        if means:
            left.plot(*zip(*means, strict=True), label=kind)
    left.set(xlabel="decisions", ylabel="reward a hand", title=f"{game}: against")
    left.legend(fontsize=8)
    right.plot([int(row["steps"]) for row in rows], [float(row["entropy"]) for row in rows])
    right.set(xlabel="decisions", ylabel="nats", title="entropy of decisions")
    figure.savefig(CURVES / f"ppo-{game}.png", dpi=80)
    plt.close(figure)


def run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("game", choices=sorted(CONFIGS))
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seed", type=int, help="another than the shipped policy's, to see how much it matters")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--ship", action="store_true", help="copy a finished run into the package instead of training")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args(argv)
    if given.ship:
        ship(given.game, given.out)
        return 0
    changes = {"out": str(given.out), "resume": given.resume, "progress": not given.quiet}
    command = f"python scripts/ppo/train.py {given.game}"
    if given.seed is not None:
        changes["seed"] = given.seed
        command += f" --seed {given.seed}"

    print(main(replace(CONFIGS[given.game], trained_by=command, **changes)))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
