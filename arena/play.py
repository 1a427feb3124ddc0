"""Runs a Plan with worker processes and leaves a run folder. The command line and scripts call this."""

from __future__ import annotations

import functools
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path

import msgspec

import arena
from arena import files, met
from arena.budget import Budget, Spending
from arena.errors import InputError, RecordError
from arena.evaluate.table import ScoreTable
from arena.game import GameSpec
from arena.made import made_here, remember
from arena.match import Match
from arena.names import masked, parse
from arena.observer import Observer, SafeObserver
from arena.operator import Decision
from arena.plan import Entry, MatchPlan, Plan, PlannedGame
from arena.protocol import messages as m
from arena.protocol.trace import Trace
from arena.protocol.version import MAJOR, MINOR
from arena.record import kept
from arena.record.head import GameHead, Head, OperatorHead
from arena.record.measured import with_measures
from arena.record.reader import Read, Run, read_tables
from arena.record.resume import check_same
from arena.record.turns import TurnStore, store_of
from arena.record.writer import Recorder
from arena.schedule import planned
from arena.scheduler import Scheduler
from arena.supervisor.hub import Hub
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.worker_pool import ProcessWorkers
from arena.turns import TurnSink


def run_plan(
    plan: Plan,
    out: Path,
    *,
    part: range | None = None,
    concurrency: int = 1,
    hosts: int = 1,
    watch: Entry | None = None,
    observer: Observer | None = None,
    on_status: Callable[[str, m.Status], None] | None = None,
    resume: bool = False,
    trace: Trace | None = None,
    turns: bool = False,
    sinks: Sequence[TurnSink] = (),
    interrupts: Interrupts | None = None,
    budget: Budget | None = None,
    read: Read = read_tables,
) -> list[ScoreTable]:
    """Play the matches of `plan` into the new folder `out`; the result tables, one a game. No process is left behind.

    part: only the matches of these numbers. `arena.record.merge` makes one run of all parts.

    resume: go on with the run in `out` if one was begun there: it must be of the same plan, else RecordError. Its
    finished matches are kept. A run that is complete only gives its tables.

    budget: what may be spent until the run stops with a BudgetError.
    hosts: game hosts that share the matches of games of one runtime.
    interrupts: entered by the caller, to stop a run that is played in a thread.
    sinks: get the turns of the matches that are played now (arena/turns.py).
    trace: notes every message between the arena and its workers; the caller closes it.
    turns: keep the turns of every match, with token ids and log-probabilities, in `out` (arena/record/turns.py says
        how to read them). A run that was begun so goes on so.
    read: reads the run once all is played.
    watch: who shows the matches to people who only watch (lineup.spectator makes it).

    An `observer` or `on_status` that raises is switched off, and stderr says so.

    KeyboardInterrupt after SIGINT, SIGTERM or SIGHUP: what was played until then is in `out`.
    """
    shown = _Watched(observer or Observer(), lambda line: print(f"arena: {line}", file=sys.stderr))
    status = shown.guard(on_status) if on_status is not None else None
    begun = Run(out) if resume and (out / "run.json").exists() else None
    plan = met.without_met(plan, begun)
    head = describe(plan, part)
    with ExitStack() as outer:
        interrupts = interrupts or outer.enter_context(Interrupts())
        recorder = outer.enter_context(closing(open_recorder(head, out, resume)))
        done = Run(out).results(recorder.due, recorder.waiting)
        matches = planned(plan, part=part, done=done)
        shown.on_start = functools.partial(met.started, plan)
        if not matches.over:
            if budget is not None:
                shown.spending = Spending(budget, Run(out).prices(), Run(out).times() if resume else None)
            runtimes = sorted({game.runtime for game in plan.games if game.runtime is not None})
            with ExitStack() as stack:
                if turns or (resume and store_of(out).is_file()):
                    sinks = [stack.enter_context(closing(open_store(out, recorder, head.first))), *sinks]
                hub = stack.enter_context(closing(Hub(out / "workers", status, interrupts, trace)))
                workers = ProcessWorkers(hub, plan.entries, runtimes, hosts, watch)
                Scheduler(
                    plan,
                    workers,
                    concurrency=concurrency,
                    recorder=recorder,
                    observer=shown,
                    matches=matches,
                    dry_turn=True,
                    sinks=sinks,
                ).run()
                hub.complete = True
        recorder.settle()
        tables, times = read(Run(out))
        tables = with_measures(Run(out), tables)
        recorder.usage(times, Run(out).prices())
        recorder.results(tables)
    return tables


class _Watched(SafeObserver):
    """The display, which ends nothing, and what is spent, which may."""

    spending: Spending | None = None
    on_start: Callable[[MatchPlan], None] = staticmethod(lambda match: None)

    def __init__(self, observer: Observer, say: Callable[[str], None]) -> None:
        super().__init__(observer, say)
        self._shown, self.answered = self.answered, self._answered  # type: ignore[method-assign]
        self._show_start, self.started = self.started, self._started  # type: ignore[method-assign]

    def _started(self, match: Match) -> None:
        self.on_start(match.plan)
        self._show_start(match)

    def _answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        self._shown(match, seat, decision, seconds)
        if self.spending is not None:
            self.spending.answered(match.names[seat], decision)


def open_recorder(head: Head, out: Path, resume: bool) -> Recorder:
    """The recorder of a new run in `out`, or with `resume` of the one that was begun there. RecordError."""
    if resume and (out / "run.json").exists():
        run = Run(out)
        same = msgspec.structs.replace(head.plan, skipped=run.head.plan.skipped)
        check_same(run, msgspec.structs.replace(head, plan=same))
        recorder = Recorder.reopen(out)
        if head.plan.skipped != run.head.plan.skipped:
            recorder.head(head)
        return recorder
    recorder = Recorder(out, head)
    for file in (head.schedule, *(game.file for game in head.games)):
        if file is not None and not made_here(Path(file.path)):
            with suppress(OSError):  # then `arena verify` asks for --trust once the original is gone
                remember(Path(file.path))
    return recorder


def open_store(out: Path, recorder: Recorder, first: int) -> TurnStore:
    if (recorder.due > first or recorder.waiting) and not store_of(out).is_file():
        raise RecordError(f"{out} was begun without its turns, so they cannot all be had any more: play it anew")
    return TurnStore(out)


def describe(plan: Plan, part: range | None = None) -> Head:
    """run.json: what is needed to play the run again, and what it was played with. InputError for a part it lacks."""
    if part is not None:
        _check_part(plan, part)
        if any(entry.person is not None for entry in plan.pool):
            raise InputError("a person with an id meets no deal twice, which parts cannot know. Play the run undivided")
    return Head(
        plan=plan.spec,
        part=(part.start, part.stop) if part is not None else None,
        arena=arena.__version__,
        protocol=f"{MAJOR}.{MINOR}",
        python=platform.python_version(),
        people=plan.people,
        hears=plan.schedule.hears,
        schedule=kept.of_plugin(plan.schedule.name),
        games=tuple(map(_game, plan.games)),
    )


def share_of(plan: Plan, part: int, of: int) -> range:
    """The matches of part number `part` (from 1) of `of` parts. Raises InputError if there are none."""
    matches = plan.matches or 0
    share = range(matches * (part - 1) // of, matches * part // of)
    _check_part(plan, share)
    return share


def _check_part(plan: Plan, part: range) -> None:
    if plan.schedule.hears:
        raise InputError(f"schedule {plan.schedule.name} hears results: its matches cannot be played in parts")
    if part.step != 1 or not 0 <= part.start < part.stop <= (plan.matches or 0):
        raise InputError(f"{part} is not part of the plan: expected some of its {plan.matches or 0} matches")


def _game(planned: PlannedGame) -> GameHead:
    game, spec = planned.facts, planned.facts.spec
    file = kept.of_plugin(planned.name)
    return GameHead(
        name=planned.name if file is None else str(replace(parse(planned.name), kind=file.name)),
        version=spec.version,
        options=dict(game.recorded_options),
        seats=game.seats,
        unit=spec.unit,
        returns=spec.returns,
        seeded=spec.seeded,
        file=file,
        files=kept.of_options(game),
        runtime=planned.runtime,
        engines=dict(game.engine_versions()),
        measures=game.measures is not None,
        operators=tuple(_operator(spec, entry) for entry in planned.operators),
    )


def _operator(spec: GameSpec, entry: Entry) -> OperatorHead:
    fingerprint = dict(entry.kind.fingerprint(spec, entry.what, entry.options))
    return OperatorHead(
        name=entry.name,
        kind=entry.kind.name,
        what=entry.what,
        options=masked(entry.options),
        file=files.fingerprint(entry.given),
        fingerprint=fingerprint,
        files=kept.of_operator(entry, fingerprint),
        given=entry.given,
        views=entry.views,
        at=entry.at,
        determinism=entry.determinism,
        threads=entry.threads,
        person=(entry.person or entry.name) if entry.kind.interactive else None,
    )
