"""Matches of the weights so far on levels that are not trained on: runs like any other, in this process."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from arena.evaluation import Evaluation
from arena.plan import Limits, Plan
from arena.play import describe, open_recorder
from arena.record.reader import Run
from arena.schedule import planned
from arena.scheduler import Scheduler
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.workers import workers_of


def plan_of(config: VlmConfig) -> Plan:
    """The matches of one evaluation. The trained operator is the first of the pool. InputError as Evaluation.plan."""
    how, operator = config.evaluation, config.rollout.operator
    made = Evaluation(
        games=how.levels or config.rollout.levels,
        operators=(operator, *(how.opponents or (operator,))),
        matches=how.matches,
        seed=how.seed,
        limits=Limits(max_ticks=config.rollout.max_ticks, deadline=config.rollout.deadline),
    ).plan()
    games = (replace(one, operators=(replace(one.operators[0], apart=1), *one.operators[1:])) for one in made.games)
    return replace(made, games=tuple(games))


def play(config: VlmConfig, folder: Path, version: str, weights: Path) -> dict[str, float]:
    """Play them with these weights into the run `folder`, or what is left of them; scores by game and operator."""
    plan = plan_of(config)
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(contextlib.closing(open_recorder(describe(plan), folder, resume=True)))
        matches = planned(plan, done=Run(folder).results(recorder.due, recorder.waiting))
        if not matches.over:
            pool = stack.enter_context(workers_of(plan, folder / "workers", hosts=config.rollout.hosts))
            for entry in {game.operators[0].worker_key: game.operators[0] for game in plan.games}.values():
                pool.update(entry, version, str(weights))
            Scheduler(
                plan, pool, concurrency=config.rollout.concurrency, recorder=recorder, matches=matches, dry_turn=False
            ).run()
        tables = Run(folder).tables()
        recorder.results(tables)
    out = {}
    for table in tables:
        for row in table.rows:
            if row.score is not None:
                out[f"eval/{table.game}/{row.operator}"] = row.score
    return out
