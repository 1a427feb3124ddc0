"""Processes that compute beside this one, and end with it however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from threading import Thread


def pool(processes: int) -> ProcessPoolExecutor:
    """So many processes; what they are given must be importable. Ctrl-C is left to the process that began them."""
    # Spawned: a fork would take over the sockets and threads of this process.
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    """A pool's process holds both ends of the pipe that it waits at, so it would wait for a dead process for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
