"""Train a policy that plays lanes and ships: configuration and seed of each are here.

    python scripts/ppo/demos.py sidescroller --out runs/sidescroller-demos.npz
    python scripts/ppo/lanes.py sidescroller --out runs/ppo-sidescroller --demos runs/sidescroller-demos.npz [--resume]
    python scripts/ppo/lanes.py mario --out runs/ppo-mario --ship     (copy a run into the package; dagger.py's as well)

Stopped at any time, --resume goes on from the newest checkpoint, with the same result; --resume --stop writes the
policy of that checkpoint.
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
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

from arena.train.cnn import Cnn  # noqa: E402
from arena.train.lane_ppo import LaneConfig, main  # noqa: E402
from arena.train.policy import load_policy, save_policy  # noqa: E402

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "arena_operators/ppo/weights"
CURVES = ROOT / "docs/curves"
ROWS = 300  # of a curve that is kept
# What is imitated plays well before its values are known: little weight to their error, and to entropy.
AFTER = {"entropy": 0.004, "entropy_final": 0.001, "value": 0.1, "checkpoint_every": 5}
CONFIGS = {
    "sidescroller": LaneConfig(
        game="sidescroller",
        game_options={"set": "train"},
        out="",
        steps=100_000,
        seed=1,
        demo_epochs=28,
        lanes=32,
        rollout=64,
        batch=256,
        rate=3e-4,
        **AFTER,
    ),
    "mario": LaneConfig(
        game="mario:1-1",
        game_options={"noops": 30},
        out="",
        steps=50_000,
        seed=1,
        demo_epochs=40,
        lanes=16,
        batch=256,
        epochs=4,
        rate=3e-4,
        **AFTER,
    ),
}


def ship(game: str, run: Path, sharper: float, after: Sequence[Path] = (), where: Path = WEIGHTS) -> None:
    """Copy the run's policy into the package, its curve (thinned, behind those of the runs `after` which it came)
    into docs/curves.

    `sharper` multiplies the logits: a platform game forgives no decision that was drawn against better knowledge.
    """
    net, card = load_policy(run / "policy.safetensors")
    made = ("digest", "hidden", "convolutions", "format")
    kept = {name: getattr(card, name) for name in card.__struct_fields__ if name not in made}
    if sharper != 1:
        assert isinstance(net, Cnn)
        *before, (weight, bias) = net.layers
        net = Cnn(net.shape, [*net.convolutions], [*before, (weight * np.float32(sharper), bias * np.float32(sharper))])
        kept["notes"] = f"logits of the trained network times {sharper:g}"
    save_policy(where / f"{game}.safetensors", net, **kept)
    if where != WEIGHTS:
        return
    rows = []
    for one in (*after, run):
        with (one / "curve.csv").open() as file:
            rows += list(csv.DictReader(file))
    CURVES.mkdir(parents=True, exist_ok=True)
    with (CURVES / f"ppo-{game}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[:: max(1, len(rows) // ROWS)])
    (draw if "entropy" in rows[0] else draw_dagger)(game, rows)


def draw_dagger(game: str, rows: Sequence[dict[str, str]]) -> None:
    """docs/curves/ppo-GAME.png: how far it got on the validation levels, and how often it did what was good."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    far = [(int(row["labels"]), float(row["distance"])) for row in rows if row["distance"]]
    left.plot(*zip(*far, strict=True), marker="o")
    left.set(xlabel="labels", ylabel="pixels", title=f"{game}: validation levels")
    right.plot([int(row["labels"]) for row in rows], [float(row["good"]) for row in rows])
    right.set(xlabel="labels", ylabel="share", title="good actions, on the labels learned from")
    figure.savefig(CURVES / f"ppo-{game}.png", dpi=80)
    plt.close(figure)


def draw(game: str, rows: Sequence[dict[str, str]]) -> None:
    """docs/curves/ppo-GAME.png: the mean return of the matches that ended, and the entropy."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    known = [(int(row["steps"]), float(row["return"]), int(row["matches"])) for row in rows if row.get("return")]
    wide = max(1, len(known) // 60)
    blocks = [known[at : at + wide] for at in range(0, len(known), wide)]
    means = [(block[-1][0], sum(r * n for _, r, n in block) / sum(n for *_, n in block)) for block in blocks]
    left.plot(*zip(*means, strict=True))
    left.set(xlabel="decisions", ylabel="reward a match, pixels", title=f"{game}: while training")
    right.plot([int(row["steps"]) for row in rows], [float(row["entropy"]) for row in rows])
    right.set(xlabel="decisions", ylabel="nats", title="entropy of decisions")
    figure.savefig(CURVES / f"ppo-{game}.png", dpi=80)
    plt.close(figure)


def run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("game", choices=sorted(CONFIGS))
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--demos", default="", help="demonstrations to begin with: see demos.py")
    parser.add_argument("--seed", type=int, help="another than the shipped policy's, to see how much it matters")
    parser.add_argument("--steps", type=int, help="decisions at which it ends (the schedules are of the config's)")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--ship", action="store_true", help="copy a finished run into the package instead of training")
    parser.add_argument(
        "--stop", action="store_true", help="with --resume: write the newest checkpoint's policy, no more"
    )
    parser.add_argument("--sharper", type=float, default=1.0, help="with --ship: what the logits are multiplied by")
    parser.add_argument("--after", type=Path, nargs="*", default=(), help="with --ship: runs that it began with")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args(argv)
    if given.ship:
        ship(given.game, given.out, given.sharper, given.after)
        return 0
    config = CONFIGS[given.game]
    command = f"python scripts/ppo/lanes.py {given.game}"
    for name in ("seed", "steps"):
        if getattr(given, name) is not None:
            config = replace(config, **{name: getattr(given, name)})
            command += f" --{name} {getattr(given, name)}"
    print(
        main(
            replace(
                config,
                out=str(given.out),
                demos=given.demos,
                resume=given.resume,
                progress=not given.quiet,
                trained_by=command,
            ),
            updates=0 if given.stop else None,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
