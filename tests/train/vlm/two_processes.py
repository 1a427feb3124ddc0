"""One of two processes of an engine, started by torch.distributed.run: its argument is the folder to write into."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from arena.errors import ArenaError
from arena.train.vlm.engine import OptimParams
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.processes import ProcessEngine
from tests.train.vlm.engine_kit import drawn, weighted

CONFIG = LocalConfig(dtype="float32", tokens=160)


def main(out: Path) -> None:
    torch.set_num_threads(1)
    made = ProcessEngine("vlm", out, CONFIG)
    rows = weighted(drawn(made.learner))
    scored = made.forward_backward(rows, "cross_entropy")
    made._reduce()
    gradients = {name: one.grad.numpy() for name, one in made._trained.items() if one.grad is not None}
    np.savez(out / f"gradients-{made.processes.process_index}.npz", **gradients)
    np.savez(out / f"scored-{made.processes.process_index}.npz", *scored.logprobs, loss=scored.metrics["sft/loss"])
    made.optimizer.zero_grad()
    made.forward_backward(rows, "cross_entropy")
    made.optim_step(OptimParams(learning_rate=1e-3))
    made.save_state(out / "state")
    rows[0].inputs["weight"][0] = np.nan  # in one of the processes' parts
    try:
        made.forward_backward(rows, "cross_entropy")
    except ArenaError as error:
        (out / f"said-{made.processes.process_index}.txt").write_text(str(error))
    made.close()
    assert not torch.distributed.is_initialized()  # else its threads may abort the process at its end


if __name__ == "__main__":
    main(Path(sys.argv[1]))
