"""Runs a Plan with worker processes and leaves a run folder. The command line and scripts call this."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import arena
from arena import files
from arena.errors import RecordError
from arena.evaluate.table import Table
from arena.game import GameSpec
from arena.made import made_here, remember
from arena.names import masked, parse
from arena.observer import Observer, SafeObserver
from arena.plan import Entry, Plan
from arena.protocol import messages as m
from arena.protocol.trace import Trace
from arena.protocol.version import MAJOR, MINOR
from arena.record import kept
from arena.record.reader import Run
from arena.record.resume import check_same
from arena.record.turns import TurnStore, store_of
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.supervisor.hub import Hub
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.worker_pool import ProcessWorkers
from arena.turns import TurnSink


def run_plan(
    plan: Plan,
    out: Path,
    *,
    concurrency: int = 1,
    hosts: int = 1,
    watch: Entry | None = None,
    observer: Observer | None = None,
    on_status: Callable[[str, m.Status], None] | None = None,
    resume: bool = False,
    trace: Trace | None = None,
    turns: bool = False,
    sinks: Sequence[TurnSink] = (),
) -> Table:
    """Play every match of `plan` into the new folder `out`; the result table. No process is left behind.

    resume: go on with the run in `out` if one was begun there: it must be of the same plan, else RecordError. Its
    finished matches are kept. A run that is complete only gives its table.

    hosts: game hosts that share the matches of a game that has a runtime.
    sinks: get the turns of the matches that are played now (arena/turns.py).
    trace: notes every message between the arena and its workers; the caller closes it.
    turns: keep the turns of every match, with token ids and log-probabilities, in `out` (arena/record/turns.py says
        how to read them). A run that was begun so goes on so.
    watch: who shows the matches to people who only watch (lineup.spectator makes it).

    An `observer` or `on_status` that raises is switched off, and stderr says so.

    KeyboardInterrupt after SIGINT, SIGTERM or SIGHUP: what was played until then is in `out`.
    """
    shown = SafeObserver(observer or Observer(), lambda line: print(f"arena: {line}", file=sys.stderr))
    status = shown.guard(on_status) if on_status is not None else None
    with Interrupts() as interrupts, closing(_recorder(plan, out, resume)) as recorder:
        if len(recorder.finished) < plan.matches:
            with ExitStack() as stack:
                if turns or (resume and store_of(out).is_file()):
                    sinks = [stack.enter_context(closing(_store(out, recorder))), *sinks]
                hub = stack.enter_context(closing(Hub(out / "workers", status, interrupts, trace)))
                workers = ProcessWorkers(hub, plan.lineup, plan.runtime, hosts, watch)
                Scheduler(
                    plan,
                    workers,
                    concurrency=concurrency,
                    recorder=recorder,
                    observer=shown,
                    done=recorder.finished,
                    dry_turn=True,
                    sinks=sinks,
                ).run()
                hub.complete = True
        table = Run(out).table()
        recorder.results(table)
    return table


def _recorder(plan: Plan, out: Path, resume: bool) -> Recorder:
    head = describe(plan)
    if resume and (out / "run.json").exists():
        check_same(Run(out), head)
        return Recorder.reopen(out)
    recorder = Recorder(out, head)
    file = head["game"]["file"]
    if file is not None and not made_here(Path(file.path)):
        with suppress(OSError):  # then `arena verify` asks for --trust once the original is gone
            remember(Path(file.path))
    return recorder


def _store(out: Path, recorder: Recorder) -> TurnStore:
    if len(recorder.finished) and not store_of(out).is_file():
        raise RecordError(f"{out} was begun without its turns, so they cannot all be had any more: play it anew")
    return TurnStore(out)


def describe(plan: Plan) -> dict[str, Any]:
    """run.json: what is needed to play the run again, and what it was played with."""
    game = plan.make_game()
    spec = game.spec
    file = kept.of_game(plan.game_name)
    return {
        "arena": arena.__version__,
        "protocol": f"{MAJOR}.{MINOR}",
        "python": platform.python_version(),
        "game": {
            "name": plan.game_name if file is None else str(replace(parse(plan.game_name), kind=file.name)),
            "version": spec.version,
            "options": game.recorded_options,
            "unit": spec.unit,
            "returns": spec.returns,
            "seeded": spec.seeded,
            "file": file,
            "files": kept.of_options(game),
            "runtime": plan.runtime,
            "engines": dict(game.engine_versions()),
        },
        "operators": [_operator(spec, entry) for entry in plan.lineup],
        "seed": plan.seed,
        "matches": plan.matches,
        "mirror": plan.mirror,
        "people": plan.people,
        "limits": asdict(plan.limits),
    }


def _operator(spec: GameSpec, entry: Entry) -> dict[str, Any]:
    fingerprint = dict(entry.kind.fingerprint(spec, entry.what, entry.options))
    return {
        "name": entry.name,
        "kind": entry.kind.name,
        "what": entry.what,
        "options": masked(entry.options),
        "file": files.fingerprint(entry.given),
        "fingerprint": fingerprint,
        "files": kept.of_operator(entry, fingerprint),
        "given": entry.given,
        "views": entry.views,
        "at": entry.at,
        "determinism": entry.determinism,
        "threads": entry.threads,
    }
