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

from arena import names, plugins
from arena.canonical import digest, hash_path
from arena.errors import InputError
from arena.evaluation import Evaluation
from arena.lineup import find_game
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
from arena.train.vlm.matches import seated_game
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
    check_matches(of)
    for shown in (TRUE, *of.how.pictures):
        plan = plan_of(of, shown)
        hosted = [game.name for game in plan.games if game.runtime is not None]
        if shown == "shuffled" and hosted:
            raise InputError(
                f"evaluation.pictures: {hosted[0]} needs a runtime of its own, and pictures of other turns are made in "
                "this process. Leave out shuffled"
            )


def check_matches(of: Evaluated) -> None:
    """InputError for fewer matches than everybody needs to play every game."""
    if of.how.matches < (least := least_matches(of)):
        raise InputError(
            f"evaluation.matches={of.how.matches} are all matches of an evaluation, and it takes {least} until every "
            f"game is played with everybody: set evaluation.matches={least} or more, or name fewer evaluation.levels "
            "or evaluation.opponents"
        )


def least_matches(of: Evaluated) -> int:
    """How many matches an evaluation needs until everybody of its pool has played each of its games."""
    plan = plan_of(of)
    missing = {(game, who) for game in range(len(plan.games)) for who in range(len(plan.games[0].operators))}
    matches = planned(replace(plan, matches=None))
    while missing and (match := matches.peek()) is not None:
        missing -= {(match.game, who) for who in match.lineup}
        matches.take()
        last = match.index + 1
    return last


def plan_of(of: Evaluated, shown: str = TRUE) -> Plan:
    """The matches of one evaluation. The trained operator is the first of the pool, and sits in all of them.

    InputError as Evaluation.plan, and for fewer opponents than a game has other seats.
    """
    how, operator = of.how, of.operator
    named = names.parse(operator)
    seated = operator if shown == TRUE else str(replace(named, options=named.options | {"pictures": shown}))
    limits = Limits(max_ticks=of.max_ticks, deadline=of.deadline)
    levels = [_seated(level, 1 + max(1, len(how.opponents)), limits) for level in how.levels or of.levels]
    others = max(1, *(seats - 1 for _, seats in levels))
    if how.opponents and len(how.opponents) < others:
        name = next(name for name, seats in levels if seats - 1 == others)
        raise InputError(
            f"evaluation.opponents names {len(how.opponents)}, and {name} has {others} other seats: name {others} or "
            "more, the same one several times if you like, or none, and the operator as it was before training sits "
            "in all of them"
        )
    made = Evaluation(
        games=tuple(name for name, _ in levels),
        operators=(seated, *(how.opponents or others * (operator,))),
        schedule=None if any(seats == 1 for _, seats in levels) else "field",  # where one is alone, all play alone
        matches=how.matches,
        seed=how.seed,
        limits=limits,
    ).plan()
    games = (replace(one, operators=(replace(one.operators[0], apart=1), *one.operators[1:])) for one in made.games)
    return replace(made, games=tuple(games))


def _seated(level: str, players: int, limits: Limits) -> tuple[str, int]:
    """A level by the name that says its seats, as in rollouts, and their number; a game of others takes `players`."""
    if plugins.is_foreign(names.parse(level).base):
        return level, find_game(level, players, limits).game.seats
    return seated_game(level, limits)


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


def start_played(of: Evaluated, out: Path) -> bool:
    """Whether all evaluations of the start are there, as this training plays them now."""
    shown = [TRUE, *of.how.pictures]
    return all(_is_of(_about(plan_of(of, one), None), folder_of(out, 0, one), "results.json") for one in shown)


def _about(plan: Plan, weights: Path | None) -> str:
    """By which plan, and with which weights, an evaluation is played."""
    return digest(msgspec.to_builtins(plan.spec), None if weights is None else hash_path(weights))


def _beside(folder: Path) -> Path:
    """The file that says what an evaluation is about."""
    return folder.with_name(f"{folder.name}.about")


def _is_of(about: str, folder: Path, file: str = "") -> bool:
    """Whether an evaluation was played so, and left this file."""
    said = _beside(folder)
    return said.is_file() and said.read_text(encoding="utf-8") == about and (folder / file).exists()


def _play(of: Evaluated, plan: Plan, folder: Path, version: str, weights: Path | None) -> None:
    """What was played with other weights, or by another plan, is removed, and is played anew."""
    about = _about(plan, weights)
    if not _is_of(about, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _beside(folder).write_text(about, encoding="utf-8")
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
