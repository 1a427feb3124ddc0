"""How many matches are played at once where nobody says it: enough to keep the workers busy. No log depends on it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from arena.operator import worker_memory
from arena.plan import Plan

USUAL = 16
MOST = 1024
# Bytes. The first two and those of workers (OperatorKind.memory) were measured by scripts/bench/memory.py; the last is
# a guess for an emulator.
ARENA = 100 * 2**20
MATCH = 2 * 2**20  # that one more match takes in the arena, with its pictures
HOSTED = 64 * 2**20  # that one takes in a game host


def usual_concurrency(plan: Plan, watched: bool = False) -> int:
    """As many matches as the workers of the plan take requests at once, at least 16, and no more than memory allows.

    One where a person plays or looks on, and in realtime. Operators of one worker share what it takes; those of two
    are kept busy both, since a match waits for one of them at a time.
    """
    if plan.people or watched or plan.limits.pace == "realtime":
        return 1
    takes = {entry.worker_key: entry.max_in_flight for entry in plan.entries}
    wanted = min(max(USUAL, sum(takes.values())), MOST)
    hosted = any(game.runtime is not None for game in plan.games)
    local = {entry.worker_key: entry for entry in plan.entries if entry.at is None}.values()
    workers = sum(worker_memory(entry.kind, entry.what, entry.options) for entry in local)
    left = (_free() - ARENA - workers) // 2
    return max(min(wanted, USUAL), min(wanted, left // (HOSTED if hosted else MATCH)))


def _free() -> int:
    """Bytes of memory that are free on this machine; plenty where it does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return MOST * HOSTED
