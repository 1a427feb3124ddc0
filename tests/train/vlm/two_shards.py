"""One of two processes that hold parts of a model: its arguments are the folder to write into and the mode."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from arena.errors import ArenaError
from arena.train.vlm.engine import OptimParams
from arena.train.vlm.sharded import ShardedEngine
from tests.train.vlm.engine_kit import drawn, weighted
from tests.train.vlm.two_processes import CONFIG

STEP = OptimParams(learning_rate=1e-3, grad_norm=0.01)  # less than the gradient's, which is scaled then
CONFIGS = {"full": replace(CONFIG, mode="full"), "lora": CONFIG}


def main(out: Path, mode: str) -> None:
    torch.set_num_threads(1)
    made = ShardedEngine("vlm", out, CONFIGS[mode])
    number = made.processes.process_index
    rows = weighted(drawn(made.learner))
    scored = made.forward_backward(rows, "cross_entropy")
    np.savez(out / f"scored-{number}.npz", *scored.logprobs, loss=scored.metrics["sft/loss"])
    made._reduce()
    grads = {name: made._of(name, one.grad) for name, one in made._trained.items() if one.grad is not None}
    whole = {name: made._whole(one).numpy() for name, one in grads.items()}
    held = sum(one.numel() for name, one in made._trained.items() if name in made._parts)
    every = sum(one.numel() for one in made._parts.values())
    np.savez(out / f"gradients-{number}.npz", **whole)
    made._drop()  # they are added up once more by the step
    made.forward_backward(rows, "cross_entropy")
    norm = made.optim_step(STEP)["grad_norm"]
    made.save_state(out / "state")
    made.sampler_weights("pi_v1")
    np.savez(out / f"facts-{number}.npz", held=held, every=every, norm=norm)
    made.forward_backward(rows, "cross_entropy")
    made.optim_step(STEP)  # another way, from which the state leads back
    made.load_state(out / "state")
    again = made.forward_backward(rows, "cross_entropy")
    made.optim_step(STEP)
    made.save_state(out / "second")
    np.savez(out / f"again-{number}.npz", *again.logprobs)
    rows[0].inputs["weight"][0] = np.nan  # in one of the processes' parts
    try:
        made.forward_backward(rows, "cross_entropy")
    except ArenaError as error:
        (out / f"said-{number}.txt").write_text(str(error))
    made.close()
    assert not torch.distributed.is_initialized()  # else its threads may abort the process at its end


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
