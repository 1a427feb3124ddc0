"""Snapshots of a training against each other: do later ones beat earlier ones, or do they go round in circles?"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from arena.analysis.outcomes import read_outcomes
from arena.analysis.summary import Analysis, analyse
from arena.errors import InputError
from arena.lineup import resolve
from arena.plan import Limits, PlanSpec
from arena.play import describe, open_recorder
from arena.record.measured import with_measures
from arena.record.reader import Run
from arena.schedule import planned
from arena.scheduler import Scheduler
from arena.train.vlm.matches import seated_game
from arena.train.vlm.workers import sharing, workers_of

NO_LIMITS = Limits()
ONE, OTHER = "one", "other"  # how `one_among` calls them


def cross_play(
    game: str,
    operator: str,
    weights: Mapping[str, Path | None],
    out: Path,
    *,
    others: Sequence[str] = (),
    matches: int = 100,
    seed: int = 0,
    concurrency: int = 32,
    limits: Limits = NO_LIMITS,
    processes: bool | None = None,
) -> Analysis:
    """Every pair of these weights of `operator`, and of `others`, meets in mirrored deals; `matches` in all.

    `weights` by name, earliest first; None: those that the operator is loaded with. `out`: a run folder, new or begun
    so before. The analysis has the payoff of each against each, and ratings with intervals.
    """
    names = [*weights, *others]
    if len({*names}) < len(names):
        raise InputError(f"two of {names} have the same name")
    spec = PlanSpec(
        games=(seated_game(game, limits)[0],),
        operators=(*[operator] * len(weights), *others),
        schedule="round_robin",
        seed=seed,
        matches=matches,
        mirror=True,
        limits=limits,
    )
    named = [(name, (name, path)) for name, path in [*weights.items(), *((other, None) for other in others)]]
    return analyse(read_outcomes(_play(spec, named, out, concurrency, processes)))


def one_among(
    game: str,
    operator: str,
    one: tuple[str, Path | None],
    others: tuple[str, Path | None],
    out: Path,
    *,
    matches: int = 100,
    seed: int = 0,
    concurrency: int = 32,
    limits: Limits = NO_LIMITS,
    processes: bool | None = None,
) -> Run:
    """The run of matches in which one player has the weights `one` (their name, and where they are) and all others the

    weights `others`: for games in which a seat's role is drawn. In the run they are called ONE, and OTHER 1, 2, ...
    Each match has a deal of its own, and seats rotate; equal seeds give equal deals in equal seats, whatever the
    weights. The rest is as in `cross_play`.
    """
    name, seats = seated_game(game, limits)
    spec = PlanSpec(
        games=(name,),
        operators=(operator,) * seats,
        schedule="blocks",
        seed=seed,
        matches=matches,
        mirror=False,
        limits=limits,
    )
    named = [(ONE, one), *((f"{OTHER} {number}", others) for number in range(1, seats))]
    return _play(spec, named, out, concurrency, processes)


def _play(
    spec: PlanSpec,
    named: Sequence[tuple[str, tuple[str, Path | None]]],
    out: Path,
    concurrency: int,
    processes: bool | None,
) -> Run:
    """Play what is left of a plan. `named`: of each of its operators the name, and the version and weights it gets."""
    plan, apart = resolve(spec), {weights: number for number, weights in enumerate(dict(named).values(), 1)}
    entries = [
        replace(entry, name=name, apart=apart[weights]) for entry, (name, weights) in zip(plan.pool, named, strict=True)
    ]
    plan = replace(plan, games=(replace(plan.games[0], operators=tuple(entries)),))
    with contextlib.closing(open_recorder(describe(plan), out, resume=True)) as recorder:
        left = planned(plan, done=Run(out).results(recorder.due, recorder.waiting))
        if not left.over:
            with sharing(out), workers_of(plan, out / "workers", processes=processes) as workers:
                given = {entry.worker_key: (entry, weights) for entry, (_, weights) in zip(entries, named, strict=True)}
                for entry, weights in given.values():
                    if weights[1] is not None:
                        workers.update(entry, weights[0], str(weights[1]))
                Scheduler(plan, workers, concurrency=concurrency, recorder=recorder, matches=left).run()
        recorder.results(with_measures(Run(out), Run(out).tables()))
    return Run(out)


def progress(analysis: Analysis, snapshots: int) -> float | None:
    """Of the pairs of the first `snapshots` operators that met, the share in which the later one scored more than the

    earlier one; ties count half. 1: later ones beat all earlier ones; 0.5: they go round in circles, or stand still.
    """
    payoffs = np.array(analysis.games[0].payoffs, dtype=float)[:snapshots, :snapshots]
    later = np.sign(payoffs - payoffs.T)[np.tril_indices(snapshots, -1)]
    known = later[~np.isnan(later)]
    return float(np.mean(0.5 + 0.5 * known)) if len(known) else None
