"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from arena.cli.narrow import NarrowTable
from arena.evaluate.caption import caption
from arena.evaluate.table import ScoreRow, ScoreTable
from arena.figures import NO_INTERVAL, duration, money, number, plural, share, span, timed
from arena.plan import Pace
from arena.price import Price
from arena.record.times import Spent
from arena.text import printable


def score_table(
    results: ScoreTable,
    spent: Mapping[str, Spent],
    *,
    game: str,
    seed: int,
    seeded: bool = True,
    pace: Pace = "lockstep",
    planned: int | None = None,
    deals: Literal["mirrored", "own"] | None = None,
    pairings: str | None = None,
    met: Sequence[str] = (),
    prices: Mapping[str, Price | None] | None = None,
) -> RenderableType:
    """The scores of a run. `spent`: what the answers took, by operator; `seeded`: the game's seed changes something;
    `planned`: matches of the whole run, where it may not be complete; `deals`: whether a person was given each deal
    once ("own") or in every seat order ("mirrored"); `pairings`: who met whom; `met`: what people had met in other
    runs; `prices`: of tokens, by operator.

    Tokens are left out where nobody used any; what models took, and faults, follow in tables of their own. Where there
    is no room for columns, each operator has some lines.
    """
    tables: list[RenderableType] = [_score_table(results, spent)]
    used = _usage_table(results, spent, prices or {})
    if used is not None:
        tables.append(used)
    if any(row.faults or row.unresolved for row in results.rows):
        tables.append(_fault_table(results))
    title = Text(_title(results, game, seed, pace, planned), "table.title")
    told = caption(results, seeded, deals, pairings, met)
    if any((prices or {}).values()):
        told.append("cost by the prices given, of all tokens: also of tries that did not count")
    return Group(title, *tables, *(Text(sentence, "table.caption") for sentence in told))


def _title(results: ScoreTable, game: str, seed: int, pace: Pace, planned: int | None) -> str:
    count = plural(results.matches, "match", "matches")
    if planned is not None and planned != results.matches:
        count = f"{results.matches} of {plural(planned, 'match', 'matches')}"
    return printable(f"{game} · {count} in {plural(results.blocks, 'block')} · seed {seed}{paced(pace)}")


def _score_table(results: ScoreTable, spent: Mapping[str, Spent]) -> Table:
    late = any(row.late for row in results.rows)
    tokens = any(row.prompt_tokens or row.completion_tokens for row in results.rows)
    table = _table()
    for title in ("score", "95% interval", "turns", "a turn"):
        table.add_column(title, justify="right", no_wrap=True)
    if late:
        table.add_column("late", justify="right", no_wrap=True)
    if tokens:
        table.add_column("tokens in/out", justify="right", no_wrap=True)
    for row in results.rows:
        cells: list[RenderableType] = [_name(row), number(row.score), _interval(row.score, row.low, row.high)]
        cells.append(str(row.turns))
        cells.append(_a_turn(spent.get(row.operator)))
        if late:
            cells.append(str(row.late))
        if tokens:
            used = row.prompt_tokens or row.completion_tokens
            cells.append(f"{row.prompt_tokens}/{row.completion_tokens}" if used else "-")
        table.add_row(*cells)
    return table


def _a_turn(spent: Spent | None) -> str:
    return duration(spent.seconds / spent.answers) if spent and spent.answers else "-"


def _usage_table(
    results: ScoreTable, spent: Mapping[str, Spent], prices: Mapping[str, Price | None]
) -> RenderableType | None:
    """What models took of time, cache and money, by operator; None where nothing says it."""
    rows = [(row, spent.get(row.operator, Spent()), prices.get(row.operator)) for row in results.rows]
    columns: dict[str, list[str | None]] = {
        "first token": [timed(used.first_token) for _, used, _ in rows],
        "model a turn": [timed(used.model_turn) for _, used, _ in rows],
        "cached": [share(used.hits) for _, used, _ in rows],
        "cost": [None if price is None else money(used.cost(price)) for _, used, price in rows],
    }
    columns = {title: cells for title, cells in columns.items() if any(cells)}
    if not columns:
        return None
    table = _table()
    for title in columns:
        table.add_column(title, justify="right", no_wrap=True)
    for place, (row, _, _) in enumerate(rows):
        table.add_row(_name(row), *(cells[place] or "-" for cells in columns.values()))
    return table


def paced(pace: Pace) -> str:
    """The pace in a title: runs of different paces are never in one table."""
    return "" if pace == "lockstep" else f" · {pace}"


def _fault_table(results: ScoreTable) -> Table:
    bounds = results.returns is not None
    table = _table()
    table.add_column("faults", overflow="fold")
    table.add_column("in matches", justify="right", no_wrap=True)
    table.add_column("fault-free", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    if bounds:
        table.add_column("bounds", justify="right", no_wrap=True)
    for row in results.rows:
        cells = [f"{row.faulty} of {row.matches}", number(row.score_fault_free)]
        cells.append(_interval(row.score_fault_free, row.low_fault_free, row.high_fault_free))
        table.add_row(_name(row), _faults(row), *cells, *([_bounds(row)] if bounds else []))
    return table


def _table() -> Table:
    table = NarrowTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("operator", overflow="fold", min_width=8)
    return table


def _name(row: ScoreRow) -> Text:
    return Text(printable(row.operator))


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "-"
    return NO_INTERVAL if low is None or high is None else span(low, high)


def _bounds(row: ScoreRow) -> str:
    return "-" if row.worst is None or row.best is None else span(row.worst, row.best)


def _faults(row: ScoreRow) -> str:
    counts = [f"{count} {kind}" for kind, count in sorted(row.faults.items())]
    if row.unresolved:
        counts.append(f"{row.unresolved} unresolved")
    return ", ".join(counts) or "none"
