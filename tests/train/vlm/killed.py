"""`python -m tests.train.vlm.killed CONFIG OUT MODULE CLASS METHOD N`: killed at the N-th call of METHOD."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

from arena.train.vlm.config import load
from arena.train.vlm.trainer import main

if __name__ == "__main__":
    config, out, module, name, method, at = sys.argv[1:]
    where = getattr(importlib.import_module(module), name)
    calls, real = [], getattr(where, method)

    def counted(*args, **kwargs):
        calls.append(0)
        if len(calls) == int(at):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(where, method, counted)
    main(load(None, Path(config)), Path(out))
