"""Runs a Plan with worker processes and leaves a run folder. The command line and scripts call this."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import arena
from arena import files
from arena.evaluate.table import Table
from arena.names import masked
from arena.observer import Observer, SafeObserver
from arena.plan import Entry, Plan
from arena.protocol import messages as m
from arena.protocol.version import MAJOR, MINOR
from arena.record.reader import Run
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.supervisor.crew import ProcessCrew
from arena.supervisor.hub import Hub
from arena.supervisor.interrupts import Interrupts


def run_plan(
    plan: Plan,
    out: Path,
    *,
    concurrency: int = 1,
    hosts: int = 1,
    watch: Entry | None = None,
    observer: Observer | None = None,
    on_status: Callable[[str, m.Status], None] | None = None,
) -> Table:
    """Play every match of `plan` into the new folder `out`; the result table. No process is left behind.

    hosts: game hosts that share the matches of a game that has a runtime.
    watch: who shows the matches to people who only look on (lineup.spectator makes it).

    An `observer` or `on_status` that raises is switched off, and stderr says so.

    KeyboardInterrupt after SIGINT, SIGTERM or SIGHUP: what was played until then is in `out`.
    """
    shown = SafeObserver(observer or Observer(), lambda line: print(f"arena: {line}", file=sys.stderr))
    status = shown.guard(on_status) if on_status is not None else None
    with Interrupts() as interrupts, closing(Recorder(out, describe(plan))) as recorder:
        with closing(Hub(out / "workers", status, interrupts)) as hub:
            crew = ProcessCrew(hub, plan.lineup, plan.runtime, hosts, watch)
            Scheduler(plan, crew, concurrency=concurrency, recorder=recorder, observer=shown).run()
            hub.complete = True
        table = Run(out).table()
        recorder.results(table)
    return table


def describe(plan: Plan) -> dict[str, Any]:
    """run.json: what is needed to play the run again, and what it was played with."""
    game = plan.make_game()
    spec = game.spec
    return {
        "arena": arena.__version__,
        "protocol": f"{MAJOR}.{MINOR}",
        "python": platform.python_version(),
        "game": {
            "name": plan.game_name,
            "version": spec.version,
            "options": plan.game_options,
            "unit": spec.unit,
            "file": files.fingerprint(plan.game_name),
            "files": files.hashes(game.user_files()),
            "runtime": plan.runtime,
        },
        "operators": [
            {
                "name": entry.name,
                "kind": entry.kind.name,
                "what": entry.what,
                "options": masked(entry.options),
                "file": files.fingerprint(entry.given),
                "fingerprint": entry.kind.fingerprint(spec, entry.what, entry.options),
                "given": entry.given,
                "views": entry.views,
                "at": entry.at,
                "determinism": entry.determinism,
                "threads": entry.threads,
            }
            for entry in plan.lineup
        ],
        "seed": plan.seed,
        "matches": plan.matches,
        "limits": {
            "max_ticks": plan.limits.max_ticks,
            "reasks": plan.limits.reasks,
            "retries": plan.limits.retries,
            "pace": plan.limits.pace,
        },
    }
