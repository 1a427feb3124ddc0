"""Finds and ends every process that a worker started, also those in sessions of their own.

Every worker has a mark of its own in its environment, which its children inherit. On Linux /proc shows it, whichever
process is their parent by then. Not found are processes that were started with a cleared environment or belong to
another user; where there is no /proc, only the worker's process group is ended.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

MARK = "ARENA_MARK"
ROUNDS = 20  # of looking and ending: a child may be started meanwhile
ENDING = 1.0  # seconds in which the system ends a killed process


def end_marked(mark: str) -> None:
    """End every other process that has this mark."""
    for _ in range(ROUNDS):
        others = [pid for pid in _processes() if pid != os.getpid()]
        found = [pid for pid in others if _has(pid, mark)]
        if not found and not any(map(_begins, others)):
            return
        for pid in found:
            _end(pid, mark)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:  # there is no /proc
        return []


def _has(pid: int, mark: str) -> bool:
    """A process that has ended has no environment any more."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{MARK}={mark}".encode() in file.read().split(b"\0")
    except OSError:  # it has just ended, or is not ours
        return False


def _begins(pid: int) -> bool:
    """Whether it is just becoming another program: the system cannot show its environment for that moment."""
    try:
        shown = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline", "statm")]
    except OSError:
        return False
    environment, command, memory = shown
    return not environment and not command and not memory.startswith(b"0 ")


def _end(pid: int, mark: str) -> None:
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if _has(pid, mark):  # the number may belong to another process by now; the handle cannot
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                ended = select.poll()
                ended.register(handle, select.POLLIN)
                ended.poll(ENDING * 1000)
        finally:
            os.close(handle)
