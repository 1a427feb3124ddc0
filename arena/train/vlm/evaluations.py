"""Matches of the weights so far on levels that are not trained on: runs like any other, in this process.

    OUT/evaluations/000000/           before the first update
    OUT/evaluations/000020/           after 20 updates
    OUT/evaluations/000020-blank/     the same starts with blank pictures; -shuffled: with those of other turns

What is lost without the true pictures is what the policy uses of them. Where a game tells what is true,
OUT/evaluations/000020/thoughts.json has the shares of statements that are, as `arena.train.vlm.thoughts`.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from arena import names
from arena.canonical import digest, hash_path
from arena.errors import InputError
from arena.evaluation import Evaluation
from arena.plan import Limits, Plan
from arena.play import describe, open_recorder
from arena.record.disk import Disk
from arena.record.measured import with_measures
from arena.record.reader import Run
from arena.schedule import planned
from arena.scheduler import Scheduler
from arena.train.vlm import thoughts
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.evaluation_config import EvaluationConfig
from arena.train.vlm.progress import Progress, guarded
from arena.train.vlm.scored import STATEMENTS, THOUGHTS, TRUE, folder_of
from arena.train.vlm.workers import workers_of


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """Who is evaluated in a training, and at what."""

    how: EvaluationConfig
    operator: str  # the one that is trained
    levels: tuple[str, ...]  # where `how` names none
    max_ticks: int | None = None
    deadline: float = Limits().deadline  # seconds for an answer
    processes: bool | None = None  # of operators, as of rollouts
    hosts: int = 1
    concurrency: int = 32


def of_rollouts(config: VlmConfig) -> Evaluated:
    """What is evaluated of a training by play: as its rollouts are played."""
    how = config.rollout
    return Evaluated(
        how=config.evaluation,
        operator=how.operator,
        levels=how.levels,
        max_ticks=how.max_ticks,
        deadline=how.deadline,
        processes=how.processes,
        hosts=how.hosts,
        concurrency=how.concurrency,
    )


def check(of: Evaluated) -> None:
    """InputError for evaluations that cannot be played, before anything is."""
    if not of.how.every:
        return
    for shown in (TRUE, *of.how.pictures):
        plan = plan_of(of, shown)
        hosted = [game.name for game in plan.games if game.runtime is not None]
        if shown == "shuffled" and hosted:
            raise InputError(
                f"evaluation.pictures: {hosted[0]} needs a runtime of its own, and pictures of other turns are made in "
                "this process. Leave out shuffled"
            )


def plan_of(of: Evaluated, shown: str = TRUE) -> Plan:
    """The matches of one evaluation. The trained operator is the first of the pool. InputError as Evaluation.plan."""
    how, operator = of.how, of.operator
    named = names.parse(operator)
    seated = operator if shown == TRUE else str(replace(named, options=named.options | {"pictures": shown}))
    made = Evaluation(
        games=how.levels or of.levels,
        operators=(seated, *(how.opponents or (operator,))),
        matches=how.matches,
        seed=how.seed,
        limits=Limits(max_ticks=of.max_ticks, deadline=of.deadline),
    ).plan()
    games = (replace(one, operators=(replace(one.operators[0], apart=1), *one.operators[1:])) for one in made.games)
    return replace(made, games=tuple(games))


def play(of: Evaluated, out: Path, update: int, weights: Path | None) -> dict[str, float]:
    """Play all evaluations of an update, or what is left of them. WorkerError where one stalls.

    weights: what the trained operator plays with; None: what it begins with.

    Scores as `eval/GAME/OPERATOR`: of everybody, and of the trained one without the true pictures. Where the game tells
    what is true, `eval/thought/true` and `eval/thought/true_kind` of the trained one, and `...@pictures=blank`.
    """
    scores: dict[str, float] = {}
    for shown in (TRUE, *of.how.pictures):
        plan, folder = plan_of(of, shown), folder_of(out, update, shown)
        _play(of, plan, folder, f"pi_v{update}", weights)
        mine = plan.entries[0].name
        for table in Run(folder).tables():
            for row in table.rows:
                if row.score is not None and (shown == TRUE or row.operator == mine):
                    scores[f"eval/{table.game}/{row.operator}"] = row.score
        if thoughts.truths(plan.games):
            said = thoughts.of_run(folder).get(mine, thoughts.Count()).metrics()
            Disk().replace_json(folder / THOUGHTS, said)
            as_shown = "" if shown == TRUE else f"@pictures={shown}"
            scores |= {f"eval/{name}{as_shown}": said[name] for name in STATEMENTS if name in said}
    return scores


def _play(of: Evaluated, plan: Plan, folder: Path, version: str, weights: Path | None) -> None:
    """What was played with other weights, or by another plan, is removed, and is played anew."""
    about = digest(msgspec.to_builtins(plan.spec), None if weights is None else hash_path(weights))
    played = folder.with_name(f"{folder.name}.about")
    if not (played.is_file() and played.read_text(encoding="utf-8") == about):
        shutil.rmtree(folder, ignore_errors=True)
        played.parent.mkdir(parents=True, exist_ok=True)
        played.write_text(about, encoding="utf-8")
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(contextlib.closing(open_recorder(describe(plan), folder, resume=True)))
        matches = planned(plan, done=Run(folder).results(recorder.due, recorder.waiting))
        if not matches.over:
            pool = stack.enter_context(workers_of(plan, folder / "workers", processes=of.processes, hosts=of.hosts))
            if weights is not None:
                for entry in {game.operators[0].worker_key: game.operators[0] for game in plan.games}.values():
                    pool.update(entry, version, str(weights))
            progress = Progress()
            progress.workers = pool
            with guarded(progress, of.deadline, folder):
                Scheduler(
                    plan,
                    pool,
                    concurrency=of.concurrency,
                    recorder=recorder,
                    observer=progress,
                    matches=matches,
                    dry_turn=False,
                ).run()
        recorder.results(with_measures(Run(folder), Run(folder).tables()))
