"""What games measure in the matches of a run (arena/measures.py): played again from the log, without pictures.

Games that are hosted in a worker tell nothing: what they know is there, and only what the protocol carries comes here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from arena import commands, plugins
from arena.errors import GameError, RecordError
from arena.evaluate.measured import MeasureTally
from arena.evaluate.table import ScoreTable
from arena.game import Game, Views
from arena.log import EndLine
from arena.measures import Measure, Measures, check_measure
from arena.plan import MatchPlan
from arena.realtime import match_class
from arena.record.reader import Run
from arena.record.replay import execute, recorded_game
from arena.session import LocalSession


def with_measures(run: Run, tables: Sequence[ScoreTable], *, trust: bool = False) -> list[ScoreTable]:
    """The tables of a run with what its games measured in the matches that have a result.

    Nothing is read for a run of games that measure nothing (run.json says it). `trust` as in verify. RecordError where
    this installation cannot play them again, or the log does not go as it says.
    """
    out = list(tables)
    for at, game in enumerate(run.head.games):
        if game.measures and out[at].matches:
            out[at] = measured(run, at, out[at], trust=trust)
    return out


def usable_measures(
    run: Run, tables: Sequence[ScoreTable], *, trust: bool = False
) -> tuple[list[ScoreTable], str | None]:
    """As `with_measures`, of what results.json has, if it is there. Where they cannot be had: without, and why."""
    try:
        recorded = run.recorded_tables()
    except RecordError:
        recorded = None
    if recorded is not None and len(recorded) == len(tables):
        pairs = zip(tables, recorded, strict=True)
        return [msgspec.structs.replace(table, measures=written.measures) for table, written in pairs], None
    try:
        return with_measures(run, tables, trust=trust), None
    except (RecordError, GameError) as error:
        return list(tables), f"What the game tells of its matches is not there: {error}"


def bare(tables: Sequence[ScoreTable]) -> list[ScoreTable]:
    """The tables without what games measured: what follows from the log alone."""
    return [msgspec.structs.replace(table, measures=[]) for table in tables]


def measured(run: Run, at: int, table: ScoreTable, *, trust: bool = False) -> ScoreTable:
    """As `with_measures`, of the game with this number alone."""
    head = run.head.games[at]
    _, game, runtime = recorded_game(head, run.folder, trust)
    measures = measures_of(game) if runtime is None else None
    if measures is None:
        return table
    people = [operator.name for operator in head.operators if operator.person is not None]
    tally = MeasureTally(measures.tables, people)
    for lines in run.played():
        plan, end = run.plan(lines[0]), lines[-1]
        if plan.game != at or not isinstance(end, EndLine) or end.returns is None:
            continue
        names = [head.operators[slot].name for slot in plan.lineup]
        match = match_class(run.head.plan.limits)(
            plan, LocalSession(game, [Views()] * game.seats), names, run.head.plan.limits
        )
        for _ in execute(match, lines):
            pass
        if match.outcome is None or match.outcome.returns != end.returns:
            raise RecordError(
                f"{run.folder}: match {plan.index} does not go as its log says: "
                f"`{commands.arena('verify', run.folder)}` says where it differs"
            )
        if found := _checked(measures, game, plan, end.returns):
            tally.add(plan.block, names, found)
    return msgspec.structs.replace(table, measures=tally.tables(table.distinct > 1))


def measures_of(game: Game) -> Measures | None:
    """What the game measures; None: nothing, with these options."""
    found: Measures | None = plugins.resolve(game.measures)(game) if game.measures is not None else None
    return found


def _checked(measures: Measures, game: Game, plan: MatchPlan, returns: Sequence[float]) -> list[Measure]:
    try:
        return [check_measure(one, measures.tables, game.seats) for one in measures.of(game, returns)]
    except GameError as error:
        raise GameError(f"{game.spec.id}, match {plan.index}: {error}") from error
