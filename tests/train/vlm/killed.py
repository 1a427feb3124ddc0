"""A training that is killed at the N-th call of a method, in a process of its own.

It is forked from a process that has imported what a training needs, which takes as long as the training, and no more:
that one has no thread and made nothing yet.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

from transformers import Idefics3ForConditionalGeneration, Idefics3Processor  # noqa: F401 - nano's

from arena.train.vlm.config import load
from arena.train.vlm.trainer import main


def killed(config: Path, out: Path, where: type, name: str, at: int) -> None:
    """Train, until the method `name` of `where` is called for the `at`-th time: there the process is killed."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    process = processes.Process(target=_train, args=(config, out, where, name, at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _train(config: Path, out: Path, where: type, name: str, at: int) -> None:
    calls, real = [], getattr(where, name)

    def counted(*args, **kwargs):
        calls.append(0)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(where, name, counted)
    main(load(None, config), out)
