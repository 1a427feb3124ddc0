"""An evaluation as plain data: who meets whom at what, for how long, and what it may take."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import msgspec

from arena import names
from arena.budget import Budget
from arena.concurrency import usual_concurrency
from arena.errors import InputError
from arena.evaluate.metrics import check_metrics
from arena.evaluate.table import ScoreTable
from arena.lineup import resolve
from arena.observer import Observer
from arena.plan import Limits, Plan, PlanSpec
from arena.play import run_plan
from arena.protocol import messages as m
from arena.record.reader import Read, read_tables


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names are those of the command line. `blocks`, `matches` or `width` say how long it is played."""

    games: tuple[str, ...]  # `leduc@hands=2`; beside its own options: `seats`, `runtime`
    operators: tuple[str, ...]  # the pool; it can be larger than the number of seats
    name: str = ""  # of the evaluation, for its report
    seed: int = 0  # all chance follows from it
    schedule: str | None = None  # see docs/evaluate.md; None: all meet all, or blocks where all can sit
    blocks: int | None = None  # deals for every line-up, each in every seat order
    matches: int | None = None  # at most
    width: float | tuple[float, ...] | None = None  # play until each difference's always-valid interval is narrower, in
    # the game's unit; several: one a game
    metrics: tuple[str, ...] = ()  # beside scores, see arena/evaluate/metrics.py; none named: METRICS
    null: str | None = None  # one of the operators that enters twice: how different does an equal one look?
    mirror: bool | None = None  # every deal in every seat order; None: unless a person sits there
    limits: Limits = Limits()  # what a fault costs, and what may end a turn or a match besides the game
    budget: Budget = Budget()
    concurrency: int | None = None  # matches at once; None: what keeps models busy

    def spec(self) -> PlanSpec:
        """The plan as plain data. InputError where fields contradict each other."""
        self.budget.check()
        check_metrics(self.metrics)
        if self.null is not None and self.null not in self.operators:
            raise InputError(
                f"null={names.hidden(self.null)!r} is none of the operators: name one of them as it is there"
            )
        if self.width is not None and self.schedule is not None:
            raise InputError("width and schedule: a width needs the schedule `until`. Leave one of them out")
        if self.width is not None and self.blocks is not None:
            raise InputError("width and blocks both say how long it is played. Leave one of them out")
        if self.concurrency is not None and self.concurrency < 1:
            raise InputError(f"concurrency={self.concurrency}: expected at least 1")
        widths = (self.width,) if isinstance(self.width, float) else self.width
        until = None if widths is None else f"until@width={'/'.join(map(repr, widths))}"
        return PlanSpec(
            games=self.games,
            operators=(*self.operators, *(() if self.null is None else (self.null,))),
            schedule=until or self.schedule,
            seed=self.seed,
            matches=self.matches,
            mirror=self.mirror,
            twins=None if self.null is None else (self.operators.index(self.null), len(self.operators)),
            limits=self.limits,
        )

    def plan(self) -> Plan:
        """The resolved plan. InputError, or a subclass, says what is wrong with which name."""
        plan = resolve(self.spec())
        if self.blocks is None:
            return plan
        if self.blocks < 1:
            raise InputError(f"blocks={self.blocks}: expected at least 1")
        if plan.schedule.round is None:
            raise InputError(f"blocks={self.blocks}: schedule {plan.schedule.name} has no rounds. Give matches instead")
        wanted = self.blocks * plan.schedule.round
        if self.matches is not None and self.matches % plan.schedule.round:
            raise InputError(
                f"matches={self.matches} cannot balance: every line-up in every seat order takes "
                f"{plan.schedule.round} matches. Give a multiple of it, or blocks alone"
            )
        most = wanted if self.matches is None else min(wanted, self.matches)
        return replace(plan, matches=most)

    def run(
        self,
        out: Path,
        *,
        resume: bool = False,
        observer: Observer | None = None,
        on_status: Callable[[str, m.Status], None] | None = None,
        turns: bool = False,
        read: Read = read_tables,
    ) -> list[ScoreTable]:
        """Play it into the run folder `out`; the result tables, one a game. See arena.play.run_plan.

        A BudgetError ends it where the budget is spent.
        """
        plan = self.plan()
        return run_plan(
            plan,
            out,
            concurrency=self.concurrency or usual_concurrency(plan),
            observer=observer,
            on_status=on_status,
            resume=resume,
            turns=turns,
            budget=self.budget,
            read=read,
        )

    def main(self) -> NoReturn:
        """For a script that is started by itself: as `arena evaluate SCRIPT`, with the options of the command line."""
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "arena", "evaluate", *sys.argv])
