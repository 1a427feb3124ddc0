"""What games measured in their matches (arena/measures.py), as results.json has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arena.evaluate.measured import MeasuredCell, MeasuredRow, MeasuredTable
from arena.evaluate.table import ScoreTable
from arena.figures import NO_INTERVAL, measure, plural
from arena.report.html import Html, figure, section, table, tag

NOTE = (
    "What only the game can tell of its matches, which were played again for it; no seat was shown any of it. "
    "Intervals are of 95%, over blocks, or over people where they sat there."
)


def measured(tables: Sequence[ScoreTable]) -> Html:
    """The tables of each game that has some; nothing for a run without any."""
    parts: list[Html] = []
    for at, one in enumerate(tables):
        if not one.measures:
            continue
        of = min(found.matches for found in one.measures)
        parts.append(tag("h3", f"{one.game} · {plural(of, 'match', 'matches')}"))
        for place, found in enumerate(one.measures):
            heads = [" · ".join(found.names), found.counted, *found.columns]
            path = f"tables.{at}.measures.{place}.rows"
            rows = [_row(f"{path}.{number}", row, found) for number, row in enumerate(found.rows)]
            parts.append(table(found.title, heads, rows))
            if found.note:
                parts.append(tag("p", found.note, class_="note"))
    return section("What the games tell", "measures", *parts, tag("p", NOTE, class_="note")) if parts else Html("")


def compared(names: Sequence[str], tables: Sequence[ScoreTable]) -> list[Html]:
    """The tables that all of some runs have of one game, each column once for every run."""
    parts: list[Html] = []
    for first in tables[0].measures:
        found = [same for one in tables for same in one.measures if _key(same) == _key(first)]
        if len(found) < len(tables):
            continue
        heads = [" · ".join(first.names)]
        heads += [f"{what}, {name}" for what in (first.counted, *first.columns) for name in names]
        by_name = [{tuple(row.names): row for row in same.rows} for same in found]
        keys = dict.fromkeys(key for one in by_name for key in one)
        rows = [[" · ".join(key), *_side_by_side(key, by_name, first)] for key in keys]
        parts.append(table(first.title, heads, rows))
        if first.note:
            parts.append(tag("p", first.note, class_="note"))
    return [*parts, tag("p", NOTE, class_="note")] if parts else []


def _key(found: MeasuredTable) -> tuple[object, ...]:
    return found.title, found.names, found.counted, found.columns, found.kinds


def _side_by_side(
    key: tuple[str, ...], by_name: Sequence[Mapping[tuple[str, ...], MeasuredRow]], of: MeasuredTable
) -> list[str]:
    """The cells of a row: what it counts in each run, then each column in each run."""
    rows = [one.get(key) for one in by_name]
    out = ["-" if row is None else str(row.count) for row in rows]
    for number, kind in enumerate(of.kinds):
        cells = [None if row is None else row.cells[number] for row in rows]
        out += ["-" if cell is None else _told(cell, kind) for cell in cells]
    return out


def _told(cell: MeasuredCell, kind: str) -> str:
    value = measure(cell.value, kind)
    if cell.low is None or cell.high is None:
        return f"{value} ({NO_INTERVAL})"
    return f"{value} ({measure(cell.low, kind).rstrip('%')} to {measure(cell.high, kind).rstrip('%')})"


def _row(path: str, row: MeasuredRow, found: MeasuredTable) -> list[object]:
    cells = [
        "-" if cell is None else _cell(f"{path}.cells.{number}", cell, kind)
        for number, (cell, kind) in enumerate(zip(row.cells, found.kinds, strict=True))
    ]
    return [" · ".join(row.names), figure(f"{path}.count", row.count, str(row.count)), *cells]


def _cell(path: str, cell: MeasuredCell, kind: str) -> Html:
    value = figure(f"{path}.value", cell.value, measure(cell.value, kind))
    if cell.low is None or cell.high is None:
        return Html(f"{value} ({NO_INTERVAL})")
    bounds = ("low", cell.low), ("high", cell.high)
    ends = (figure(f"{path}.{end}", of, measure(of, kind).rstrip("%")) for end, of in bounds)
    return Html(f"{value} ({' to '.join(ends)})")
