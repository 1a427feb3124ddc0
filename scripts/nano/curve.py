"""Draws the curves of a training's phases, one after another.

python -m scripts.nano.curve work/nano/phase-1/curve.csv work/nano/phase-2/curve.csv docs/curves/nano.png
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path


def read(tables: Sequence[Path]) -> list[dict[str, str]]:
    """The rows of all tables; steps are counted on."""
    out: list[dict[str, str]] = []
    for table in tables:
        before = int(out[-1]["step"]) if out else 0
        with table.open(newline="") as stream:
            out += [{**row, "step": str(before + int(row["step"]))} for row in csv.DictReader(stream)]
    return out


def draw(rows: Sequence[dict[str, str]], picture: Path) -> None:
    """Loss, and of held-out examples the log-probability of a thought's token and the probability of the answer."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (loss, thought, answer) = pyplot.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    learnt = [row for row in rows if row["loss"]]  # not that of before the first update
    loss.plot([int(row["step"]) for row in learnt], [float(row["loss"]) for row in learnt], color="black")
    loss.set(title="training loss a token", xlabel="update", yscale="log")
    names = list(dict.fromkeys(name for row in rows for name in row))
    told = (
        (thought, "thought", "log-probability of a thought's token"),
        (answer, "right", "probability of the answer"),
    )
    for axes, part, title in told:
        for name in [name for name in names if name.endswith(f"/{part}")]:
            known = [row for row in rows if row.get(name)]
            label = name.removesuffix(f"/{part}").removeprefix("teacher:")
            axes.plot([int(row["step"]) for row in known], [float(row[name]) for row in known], label=label)
        axes.set(title=f"held out: {title}", xlabel="update")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    *tables, picture = map(Path, sys.argv[1:])
    draw(read(tables), picture)
