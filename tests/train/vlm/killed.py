"""A training that is killed at a moment that is counted, in a process of its own.

It is forked from a process that has imported what a training needs, which takes as long as the training, and no more:
that one has no thread and made nothing yet.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import Idefics3ForConditionalGeneration, Idefics3Processor  # noqa: F401 - nano's

from arena.train.vlm.config import load
from arena.train.vlm.trainer import main

CHANGES = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")  # audit events


def killed(config: Path, out: Path, where: type, name: str, at: int) -> None:
    """Train, until the method `name` of `where` is called for the `at`-th time: there the process is killed."""
    _run(_train, config, out, where, name, at)


def killed_before_change(config: Path, out: Path, at: int) -> None:
    """Train, or go on, until the `at`-th time that something in `out` is opened, moved, made or removed: just before

    that the process is killed. Between two such moments nothing begins that a kill could leave half done.
    """
    _run(_go_on, config, out, at)


def _run(target: Callable[..., None], *args: Any) -> None:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    process = processes.Process(target=target, args=args)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _go_on(config: Path, out: Path, at: int) -> None:
    changes = itertools.count(1)

    def heard(event: str, args: tuple[Any, ...]) -> None:
        if event in CHANGES and str(args[0]).startswith(str(out)) and next(changes) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    begun = out.exists()
    sys.addaudithook(heard)
    main(load(None, config), out, resume="exact" if begun else "no")


def _train(config: Path, out: Path, where: type, name: str, at: int) -> None:
    calls, real = [], getattr(where, name)

    def counted(*args, **kwargs):
        calls.append(0)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(where, name, counted)
    main(load(None, config), out)
