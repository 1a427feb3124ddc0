"""The result table of a run, computed from its log alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from arena.canonical import digest
from arena.evaluate.intervals import mean_interval
from arena.plan import blocks_of
from arena.record.lines import EndLine, Line, MatchLine, TickLine, TurnLine


class Row(msgspec.Struct, kw_only=True):
    """One operator. Scores are in the game's unit; an interval needs two blocks."""

    operator: str
    matches: int = 0
    unresolved: int = 0
    score: float | None = None  # mean return, faults counted
    low: float | None = None  # 95% interval of the mean over blocks
    high: float | None = None
    score_fault_free: float | None = None  # mean over the matches in which this operator made no fault
    turns: int = 0
    late: int = 0  # ticks of a realtime match in which it had not answered
    faults: dict[str, int] = {}
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Table(msgspec.Struct, kw_only=True):
    unit: str
    matches: int
    blocks: int
    distinct: int  # blocks of which no two went the same way, move by move
    rows: list[Row]


def tabulate(lines: Iterable[Line], operators: Sequence[str], unit: str) -> Table:
    """One row an operator, in line-up order.

    Where all of several blocks went the same way, nothing says how sure the scores are: there is no interval.
    """
    rows = {name: Row(operator=name, faults={}) for name in operators}
    returns: dict[str, list[tuple[int, float]]] = {name: [] for name in operators}
    clean: dict[str, list[float]] = {name: [] for name in operators}
    head: MatchLine | None = None
    faulty: set[str] = set()
    matches, courses = 0, dict[int, list[object]]()
    for line in lines:
        if isinstance(line, MatchLine):
            head, faulty = line, set()
            courses.setdefault(head.block, []).append((head.seats, head.state_hash))
        elif isinstance(line, TurnLine):
            _count_turn(rows[line.operator], line)
            if line.fault is not None:
                faulty.add(line.operator)
        elif isinstance(line, TickLine) and head is not None:
            courses[head.block].append((line.rewards, line.state_hash))
        elif isinstance(line, EndLine) and head is not None:
            matches += 1
            courses[head.block].append((line.status, line.returns))
            for seat, name in enumerate(head.seats):
                rows[name].matches += 1
                if line.returns is None:
                    rows[name].unresolved += 1
                    continue
                returns[name].append((head.block, line.returns[seat]))
                if name not in faulty:
                    clean[name].append(line.returns[seat])
    distinct = len({digest(course) for course in courses.values()})
    for name, row in rows.items():
        if returns[name]:
            row.score = math.fsum(value for _, value in returns[name]) / len(returns[name])
            row.low, row.high = mean_interval(blocks_of(returns[name])) if distinct != 1 else (None, None)
        if clean[name]:
            row.score_fault_free = math.fsum(clean[name]) / len(clean[name])
    return Table(unit=unit, matches=matches, blocks=len(courses), distinct=distinct, rows=list(rows.values()))


def _count_turn(row: Row, line: TurnLine) -> None:
    if line.late:
        row.late += 1
        return
    row.turns += 1
    if line.fault is not None:
        row.faults[line.fault] = row.faults.get(line.fault, 0) + 1
    if line.usage is not None:
        row.prompt_tokens += line.usage.prompt
        row.completion_tokens += line.usage.completion
