"""Draws the curve of a training run.

python -m scripts.nano.curve docs/curves/nano.csv docs/curves/nano.png
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path


def draw(table: Path, picture: Path) -> None:
    """Loss, and the shares of held-out thought tokens and answers that are the teachers', by step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    steps = [int(row["step"]) for row in rows]
    figure, (loss, thought, answer) = pyplot.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    loss.plot(steps, [float(row["loss"]) for row in rows], color="black")
    loss.set(title="training loss a token", xlabel="step", yscale="log")
    for axes, part in ((thought, "thought"), (answer, "answer")):
        for name in [name for name in rows[0] if name.endswith(f"_{part}")]:
            axes.plot(steps, [float(row[name]) for row in rows], label=name.removesuffix(f"_{part}"))
        axes.set(title=f"held-out {part}{' tokens' if part == 'thought' else 's'} like the teacher's", xlabel="step")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(f"nano: {rows[-1]['minutes']} minutes, {steps[-1]} steps")
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
