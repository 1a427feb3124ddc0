"""Who may touch an environment: one builder or remover alone, or any number of users.

These are flock(2) locks. They end with the last process that holds the descriptor, however it ends; a builder's tools
inherit it, so an environment stays locked while a tool outlives a builder that was killed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(path: Path, waiting: Callable[[], None] | None) -> Iterator[int]:
    """Hold the lock alone; gives its descriptor. `waiting` is called before a wait; without it BlockingIOError."""
    handle = _open(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is None:
                raise
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def together(path: Path) -> int:
    """Hold the lock with other users until the descriptor that this gives is closed. BlockingIOError: one is alone."""
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    return handle


def held_alone(path: Path) -> bool:
    """Whether somebody builds or removes at this moment."""
    if not path.exists():
        return False
    try:
        os.close(together(path))
    except BlockingIOError:
        return True
    return False


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
