"""The first of two processes of an engine; it starts the other. Its argument is the folder to write into."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from arena.errors import ArenaError, WorkerError
from arena.train.vlm import led
from arena.train.vlm.engine import OptimParams
from tests.train.vlm.engine_kit import drawn, weighted
from tests.train.vlm.two_processes import CONFIG


def main(out: Path) -> None:
    torch.set_num_threads(1)
    made = led.start("vlm", out / "weights", CONFIG, processes=2, divided=False, threads=1)
    rows = weighted(drawn(made.learner))
    scored = made.forward_backward(rows, "cross_entropy")
    np.savez(out / "scored.npz", *scored.logprobs)
    made.optim_step(OptimParams(learning_rate=1e-3))
    made.save_state(out / "state")
    good = rows[0].inputs["weight"][0]
    rows[0].inputs["weight"][0] = np.nan
    try:
        made.forward_backward(rows, "cross_entropy")
    except ArenaError as error:
        (out / "nan.txt").write_text(str(error))
    rows[0].inputs["weight"][0] = good
    made.forward_backward(rows, None)  # both go on
    made.others[0].kill()
    made.others[0].wait()
    try:
        made.forward_backward(rows, None)
    except WorkerError as error:
        (out / "gone.txt").write_text(str(error))
    made.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
